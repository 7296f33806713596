export { KeyvTitan, type KeyvTitanEntry, type KeyvTitanOpts } from "./keyv-titan.js";
