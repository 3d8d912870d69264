// Names that the API uses, in words: from its vocabulary, else the name itself.
import { inWords } from "./i18n.js";

let vocabulary = { faults: {}, appliance_models: {}, features: {} };

export const setVocabulary = (found) => {
  vocabulary = found;
};

const plain = (name) => name.replaceAll(/[-_]/g, " ");

export const faultTitle = (name) => inWords(vocabulary.faults[name]?.title) ?? plain(name);

export const fault = (name) => vocabulary.faults[name];

export const modelTitle = (name) => inWords(vocabulary.appliance_models[name]) ?? name;

export const featureTitle = (name) => inWords(vocabulary.features[name]) ?? plain(name);
