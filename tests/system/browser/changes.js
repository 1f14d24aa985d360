// Return a live list of the elements whose children change after this call.
() => {
  const changed = [];
  const name = (node) => `${node.nodeName} ${node.id || node.dataset?.value || ""}`.trim();
  const note = (records) => records.forEach(({ target }) => changed.push(name(target)));
  new MutationObserver(note).observe(document.body, { childList: true, subtree: true });
  return changed;
}
