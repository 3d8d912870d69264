// Elements without markup in strings: whatever a device or a rule is called, it can only be text.

/** h("p", {class: "hint"}, "text", child): a null attribute or child is left out, `onclick` is a listener. */
export function h(tag, attributes = {}, ...children) {
  const element = tag === "svg" || tag === "path" || tag === "circle" ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith("--")) element.style.setProperty(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false && child !== ""));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Replace what is inside, keeping the keyboard where it was: elements are known by `data-key`. */
export function fill(parent, ...children) {
  const key = parent.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  parent.replaceChildren(...children.flat(Infinity).filter((child) => child != null));
  if (key) parent.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

export const dot = (state) => h("span", { class: "dot", "data-state": state, "aria-hidden": "true" });

export const empty = (text) => h("p", { class: "empty" }, text);
