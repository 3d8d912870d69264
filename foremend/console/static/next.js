// Where a login goes on to: a page beside it, never elsewhere.
const OURS = /^([a-z]+\.html(\?[^#\\]*)?|o\/me)$/;

/** `asked` where it names a page of this folder by its bare file name, or an owner's own page; else the first page. */
export const safeNext = (asked) => (OURS.test(asked ?? "") && !asked.startsWith("login.html") ? asked : ".");
