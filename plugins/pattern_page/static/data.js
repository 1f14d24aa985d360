// Requests for data. Polls send the ETag of the last response. Questions about customers are posted, because URLs are
// logged.

export class LoginExpiredError extends Error {}

export class ForbiddenError extends Error {}

let etag = null;
let state = null;
let polledSpan = null;

export async function pollState(span) {
  const headers = etag && polledSpan === span ? { "If-None-Match": etag } : {};
  const response = await get(`api/state?${new URLSearchParams({ span })}`, headers);
  if (response.status !== 304) {
    state = await response.json();
    etag = response.headers.get("ETag");
    polledSpan = span;
  }
  return state;
}

export async function ask(path, question) {
  return (await post(path, question)).json();
}

export async function read(path) {
  return (await get(path, {})).json();
}

// Asks for a file, and saves it under a name.
export async function save(path, question, name) {
  const url = URL.createObjectURL(await (await post(path, question)).blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser may only begin to read it now.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function get(path, headers) {
  return request(path, { headers });
}

function post(path, question) {
  return request(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(question) });
}

async function request(path, options) {
  const response = await fetch(path, { ...options, cache: "no-store" });
  if (response.ok || response.status === 304) return response;
  if (response.status === 401) throw new LoginExpiredError("your login has expired");
  const body = await response.json().catch(() => ({}));
  const detail = typeof body.detail === "string" ? body.detail : `the server answered ${response.status}`;
  throw response.status === 403 ? new ForbiddenError(detail) : new Error(detail);
}
