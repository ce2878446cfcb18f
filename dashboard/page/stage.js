// Two pictures of one angle in one frame. What comes from jobs is set as text or attribute only.
export default function ({ data, parentElement }) {
  const stage = parentElement.querySelector(".stage");
  const divider = stage.querySelector("input");
  const flip = stage.querySelector(".flip");
  const play = stage.querySelector(".play");

  data.sides.forEach((side, position) => {
    const half = stage.querySelectorAll(".half")[position];
    const picture = half.querySelector("img");
    picture.hidden = !side.src;
    if (side.src) {
      picture.src = side.src;
      picture.alt = side.alt;
    }
    half.querySelector("p").textContent = side.gap;
    stage.querySelectorAll(".tag b")[position].textContent = side.name;
  });

  const move = () => {
    stage.style.setProperty("--at", `${divider.value}%`);
    divider.setAttribute("aria-valuetext", `${divider.value} % of A, the rest of B`);
  };
  divider.oninput = move;
  move();

  const setPlaying = (playing) => {
    stage.classList.toggle("playing", playing);
    play.textContent = playing ? "Pause" : "Play";
  };
  const showSecond = (second) => {
    stage.classList.toggle("second", second);
    flip.setAttribute("aria-label", `Showing ${second ? "B" : "A"}: show the other`);
  };
  flip.onclick = () => {
    const isSecond = getComputedStyle(stage.querySelectorAll(".half")[1]).visibility === "visible";
    setPlaying(false);
    showSecond(!isSecond);
  };
  play.onclick = () => setPlaying(!stage.classList.contains("playing"));
  if (stage.dataset.way !== data.way) {
    stage.dataset.way = data.way;
    showSecond(false);
    setPlaying(!matchMedia("(prefers-reduced-motion: reduce)").matches);
  }
}
