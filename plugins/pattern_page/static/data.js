// Requests for data. Polls send the ETag of the last response.

export class LoginExpiredError extends Error {}

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

export async function getJson(path, parameters) {
  return (await get(`${path}?${new URLSearchParams(parameters)}`)).json();
}

async function get(path, headers = {}) {
  const response = await fetch(path, { headers, cache: "no-store" });
  if (response.status === 401) throw new LoginExpiredError("your login has expired");
  if (response.status === 403) throw new LoginExpiredError("you no longer have access to this page");
  if (!response.ok && response.status !== 304) {
    const body = await response.json().catch(() => ({}));
    throw new Error(typeof body.detail === "string" ? body.detail : `the server answered ${response.status}`);
  }
  return response;
}
