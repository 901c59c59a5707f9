// What the page asks the API, and how. It lives at BASE or BASE/dashboard/, the API at BASE/api/.
export const base = location.pathname.replace(/(dashboard\/)?[^/]*$/, "");

const tokenKey = "limpet-token";
// A proxy before the API may let reading pass only.
const refusals = [403, 404, 405];

export class Problem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const hasToken = () => sessionStorage.getItem(tokenKey) !== null;
export const keepToken = (token) => sessionStorage.setItem(tokenKey, token);

/** The JSON of an answer. Fails with a Problem, or a TypeError if there is no connection. */
export async function call(path, method = "GET") {
  const headers = hasToken() ? { Authorization: `Bearer ${sessionStorage.getItem(tokenKey)}` } : {};
  const answer = await fetch(base + path, { method, headers, cache: "no-store" });
  if (answer.ok) return answer.json();
  if (answer.status === 401) throw new Problem(401, "token needed");
  const text = await answer.text();
  let reason = `the API answers ${answer.status}`;
  try {
    reason = JSON.parse(text).message ?? reason;
  } catch {
    // Not from the API itself.
    if (method !== "GET" && refusals.includes(answer.status)) document.body.classList.add("read-only");
  }
  throw new Problem(answer.status, reason);
}
