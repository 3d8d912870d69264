// Names that the API uses, in words: from its vocabulary, else the name itself.
import { h } from "./dom.js";
import { days } from "./format.js";
import { inWords, t } from "./i18n.js";

let vocabulary = { faults: {}, appliance_models: {}, features: {}, parts: {} };

export const setVocabulary = (found) => {
  vocabulary = found;
};

const plain = (name) => name.replaceAll(/[-_]/g, " ");

export const faultTitle = (name) => inWords(vocabulary.faults[name]?.title) ?? plain(name);

export const faultNames = () => Object.keys(vocabulary.faults);

export const modelNames = () => Object.keys(vocabulary.appliance_models);

export const fault = (name) => vocabulary.faults[name];

/** What the owner's own steps look like, where a drawing helps; the steps say it all in words. */
export const drawing = (known) => (known?.picture ? h("img", { class: "drawing", src: `help/${known.picture}.svg`, alt: "", width: "160", height: "100" }) : null);

export const modelTitle = (name) => inWords(vocabulary.appliance_models[name]) ?? name;

export const featureTitle = (name) => inWords(vocabulary.features[name]) ?? plain(name);

/** What to bring, as a technician calls it; a part of one's own catalogue by its own name. */
export const partNames = (names) => names.map((name) => inWords(vocabulary.parts[name]) ?? name).join(", ");

/** How urgent it looks: silence has a colour of its own, of one appliance or of many. */
export const tone = (one) => (one.fault === "silent" || one.fault === "silent-together" ? "silent" : one.severity);

const MANY = "*";

/** What a finding is about may be many at once, which have no story of their own: all, or those of one engine. */
export const isMany = (applianceId) => applianceId.startsWith(MANY);

export const applianceName = (applianceId) => (isMany(applianceId) ? t("many_appliances") : applianceId);

/** The state in words, with how long it is still learnt, or why nobody can say whether it is well. */
export function stateWords(one) {
  if (one.state === "learning") return t("state_learning_days", { days: days(one.days_missing) });
  if (one.state === "not_judged") return t(one.days_missing == null ? "not_judged_unknown" : "not_judged_no_signal");
  return t(`state_${one.state}`);
}
