// Elements that are changed in place, and only where something has changed: what is selected stays selected, and a
// screen reader is told news only.
export const element = (id) => document.getElementById(id);
export const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
export const count = (value, one, many = `${one}s`) => `${whole.format(value)} ${value === 1 ? one : many}`;

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/** A copy of a template's only element. */
export const copyOf = (id) => element(id).content.firstElementChild.cloneNode(true);

/** Makes the children of `parent` those of `items`: kept by key, made where new, removed where gone, in order. */
export function showList(parent, items, { key, make, update }) {
  const old = new Map();
  for (const node of [...parent.children]) {
    if (old.has(node.dataset.key)) node.remove();
    else old.set(node.dataset.key, node);
  }
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let node = old.get(name);
    if (!node) {
      node = make(item);
      node.dataset.key = name;
    }
    old.delete(name);
    update(node, item);
    if (node === place) {
      place = place.nextElementSibling;
    } else {
      parent.insertBefore(node, place);
    }
  }
  for (const node of old.values()) node.remove();
}
