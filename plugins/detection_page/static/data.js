// Requests for data. The state is asked for with the ETag of the last answer.

export class LoginEndedError extends Error {}

let etag = null;
let state = null;
let asked = null;

export async function pollState(span) {
  const headers = etag && asked === span ? { "If-None-Match": etag } : {};
  const answer = await get(`api/state?${new URLSearchParams({ span })}`, headers);
  if (answer.status !== 304) {
    state = await answer.json();
    etag = answer.headers.get("ETag");
    asked = span;
  }
  return state;
}

export async function getJson(path, parameters) {
  return (await get(`${path}?${new URLSearchParams(parameters)}`)).json();
}

async function get(path, headers = {}) {
  const answer = await fetch(path, { headers, cache: "no-store" });
  if (answer.status === 401) throw new LoginEndedError("your login has ended");
  if (answer.status === 403) throw new LoginEndedError("you may not see this page any more");
  if (!answer.ok && answer.status !== 304) {
    const said = await answer.json().catch(() => ({}));
    throw new Error(typeof said.detail === "string" ? said.detail : `the server answered ${answer.status}`);
  }
  return answer;
}
