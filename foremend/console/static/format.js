// Numbers, times and spans as people write them.
import { language, t } from "./i18n.js";

const locale = () => (language.now === "zh" ? "zh-CN" : "en-GB");

export const DAY = 86_400_000;
export const SOON = 0.5; // days: closer than that, no number is honest

export const integer = (n) => new Intl.NumberFormat(locale()).format(Math.round(n));

export const decimal = (n) => new Intl.NumberFormat(locale(), { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(n);

/** 7776000 -> 7.8M; small numbers stay whole. */
export const compact = (n) =>
  n < 100_000 ? integer(n) : new Intl.NumberFormat(language.now, { notation: "compact", maximumFractionDigits: 1 }).format(n);

/** Nothing is certain: above 99 % only that is said. */
export function percent(p) {
  if (p == null) return "";
  const text = new Intl.NumberFormat(locale(), { style: "percent" }).format(Math.min(p, 0.99));
  return p > 0.99 ? `> ${text}` : text;
}

/** Three significant digits. */
export const measured = (value, unit = "") =>
  value == null ? "–" : `${new Intl.NumberFormat(locale(), { maximumSignificantDigits: 3 }).format(value)}${unit ? ` ${unitText(unit)}` : ""}`;

const unitText = (unit) => ({ degC: "°C" })[unit] ?? unit;

/** 3.2 -> '3 days'; below two days in hours. */
export function days(n) {
  const unit = n < 2 ? "hour" : "day";
  const amount = Math.max(1, Math.round(n < 2 ? n * 24 : n));
  return new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "long" }).format(amount);
}

/** A span of time left; one length where both ends read alike. */
export const daysBetween = (low, high) => [...new Set([days(low), days(high)])].join(" – ");

/** An instant, with the year left out: the page is about now. */
export const moment = (iso) =>
  new Intl.DateTimeFormat(locale(), { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }).format(new Date(iso));

export const date = (ms) => new Intl.DateTimeFormat(locale(), { month: "short", day: "numeric" }).format(new Date(ms));

export const fullTime = (iso) =>
  new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "medium" }).format(new Date(iso));

/** A mark on a time axis `span` ms long. */
export function axisTime(ms, span) {
  const parts = span <= 2 * DAY ? { hour: "2-digit", minute: "2-digit" } : { month: "short", day: "numeric", ...(span > 400 * DAY ? { year: "2-digit" } : {}) };
  return new Intl.DateTimeFormat(locale(), parts).format(new Date(ms));
}

/** A span of ms as '3 minutes ago', in the largest unit that fits. */
export function ago(ms) {
  const units = [["day", DAY], ["hour", DAY / 24], ["minute", DAY / 1440]];
  const [unit, size] = units.find(([, one]) => ms >= one) ?? ["minute", DAY / 1440];
  return new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(-Math.floor(ms / size), unit);
}

export const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Days left until an episode is expected to fail, seen from `now` (ms): estimate and interval, or null. */
export function outlook(episode, now) {
  if (episode.days_to_failure == null) return null;
  const passed = (now - Date.parse(episode.time)) / DAY;
  const left = (value) => Math.max(0, (value ?? episode.days_to_failure) - passed);
  return { days: left(episode.days_to_failure), low: left(episode.days_low), high: left(episode.days_high) };
}

/** When an episode is expected to fail, ms; without an estimate never. */
export const expected = (episode) =>
  episode.days_to_failure == null ? Infinity : Date.parse(episode.time) + episode.days_to_failure * DAY;

export function timeLeft(episode, now) {
  const left = outlook(episode, now);
  if (left === null) return t("since", { when: date(Date.parse(episode.episode_start)) });
  return left.days < SOON ? t("overdue") : days(left.days);
}
