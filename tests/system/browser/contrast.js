// Return the WCAG contrast ratio between each visible text and its background.
() => {
  const luminance = (color) => color.match(/[\d.]+/g).slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const background = (node) => {
    const color = getComputedStyle(node).backgroundColor;
    return color.endsWith(", 0)") && node.parentElement ? background(node.parentElement) : color;
  };
  const hasText = (node) => [...node.childNodes].some((one) => one.nodeType === Node.TEXT_NODE && one.textContent.trim());
  return [...document.querySelectorAll("body *")]
    .filter((node) => node.checkVisibility() && hasText(node))
    .map((node) => {
      const style = getComputedStyle(node);
      const color = node instanceof SVGElement ? style.fill : style.color;
      const [high, low] = [luminance(color), luminance(background(node))].sort((a, b) => b - a);
      return [(high + 0.05) / (low + 0.05), `${node.tagName} ${node.textContent.slice(0, 30)}`];
    });
}
