// The open tab and the filters are kept in the fragment of the URL, so that reloads and links restore them.

export function read() {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

export function write(changes) {
  const values = { ...read(), ...changes };
  const kept = Object.entries(values).filter(([, value]) => value !== "");
  history.replaceState(null, "", `#${new URLSearchParams(kept)}`);
}
