// A page that is opened begins at its top; who goes back comes to where the page was left.
const RESTORING_MS = 15000;
const INPUTS = ["wheel", "touchstart", "pointerdown", "keydown"];
const places = (globalThis.reconPlaces ??= begin());

function stage() {
  return document.querySelector('[data-testid="stMain"]');
}

function begin() {
  const begun = { shown: null, left: new Map(), isBack: false, isLetGo: false };
  // What leads to another page begins with one of these, while the page before is still whole.
  const remember = () => begun.shown && begun.left.set(begun.shown.place, stage()?.scrollTop);
  for (const kind of INPUTS) {
    addEventListener(
      kind,
      () => {
        begun.isLetGo = true;
        remember();
      },
      { capture: true, passive: true },
    );
  }
  addEventListener("popstate", () => {
    begun.isBack = true;
    remember();
  });
  return begun;
}

export default function ({ data }) {
  const { place, isInner } = data;
  if (place === places.shown?.place) return;
  if (places.shown) {
    const isReturn = places.isBack || (places.shown.isInner && !isInner);
    scroll(isReturn ? (places.left.get(place) ?? 0) : 0);
  }
  places.shown = { place, isInner };
  places.isBack = false;
}

// A page grows while it comes; whoever does something meanwhile is let go.
function scroll(top) {
  const until = performance.now() + RESTORING_MS;
  places.isLetGo = false;
  const reach = () => {
    const main = stage();
    if (!main || places.isLetGo) return;
    main.scrollTop = top;
    if (Math.abs(main.scrollTop - top) > 1 && performance.now() < until) {
      requestAnimationFrame(reach);
    }
  };
  reach();
}
