// Asking for tickets and taking steps, with what a refusal says.
import { setClock } from "./shell.js";

const PATIENCE_MS = 15_000;

async function asked(path, options = {}) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS), ...options, headers: { accept: "application/json", ...options.headers } });
  setClock(answer);
  const said = await answer.json().catch(() => null);
  if (answer.ok && !said) throw new Error(`${path}: no JSON`); // a gateway's own page: the service is away
  if (!answer.ok) throw Object.assign(new Error(`${path}: ${answer.status}`), { status: answer.status, right: said?.right, detail: detail(said ?? {}) });
  return { said, tag: answer.headers.get("etag") };
}

const detail = (said) => (typeof said.detail === "string" ? said.detail : (said.title ?? ""));

export const getTickets = async (query) => (await asked(`api/v1/tickets?${new URLSearchParams(query)}`)).said;

/** The ticket, and the ETag that a step has to name. */
export async function getTicket(id) {
  const { said, tag } = await asked(`api/v1/tickets/${encodeURIComponent(id)}`);
  return { ticket: said, tag };
}

/** Takes a step on the version that was read; with the same `key` it is taken once. */
export const takeStep = (id, step, tag, key) =>
  asked(`api/v1/tickets/${encodeURIComponent(id)}/steps`, {
    method: "POST",
    body: JSON.stringify(step),
    headers: { "content-type": "application/json", "if-match": tag, "idempotency-key": key },
  });

/** A key for one step; `crypto.randomUUID` is only there behind TLS. */
export const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
