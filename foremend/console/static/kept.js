// What this browser keeps of a page: nothing in some private windows, on a full disk, or where its user forbids it.

/** Where texts are kept by name; what cannot be is remembered until the page is left. To look for the store itself may be refused. */
function keptIn(store) {
  const remembered = new Map();
  return {
    get(name) {
      if (remembered.has(name)) return remembered.get(name);
      try {
        return window[store].getItem(name);
      } catch {
        return null;
      }
    },
    /** Whether it is kept. */
    set(name, text) {
      try {
        window[store].setItem(name, text);
        remembered.delete(name);
        return true;
      } catch {
        remembered.set(name, String(text));
        return false;
      }
    },
  };
}

export const kept = keptIn("localStorage");

/** Of this tab alone. */
export const keptHere = keptIn("sessionStorage");
