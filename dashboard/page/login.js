// Remembers the page that was asked for: the way back from the provider leads to the first one.
export default function ({ data }) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const asked = encodeURIComponent(data.asked);
  const age = asked ? 600 : 0;
  document.cookie = `${data.cookie}=${asked}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
}
