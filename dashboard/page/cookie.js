// A page's script cannot set a cookie by itself; an empty text takes it away.
export default function ({ data }) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const text = encodeURIComponent(data.text);
  const age = text ? data.age : 0;
  document.cookie = `${data.cookie}=${text}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
}
