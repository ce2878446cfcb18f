// Keeps the reviewer's name for the next visit: a page's script cannot set a cookie by itself.
export default function ({ data }) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const name = encodeURIComponent(data.name);
  document.cookie = `${data.cookie}=${name}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}
