// What is open and filtered stands in the address, after #, so that a reload and a link find it again.

export function read() {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

export function write(changes) {
  const values = { ...read(), ...changes };
  const kept = Object.entries(values).filter(([, value]) => value !== "");
  history.replaceState(null, "", `#${new URLSearchParams(kept)}`);
}
