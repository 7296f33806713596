/** Conformance suites, for implementations of this package's ports. */

export type { RegisterTest, TransportSubject } from "./transport-conformance.js";
export { transportConformance } from "./transport-conformance.js";
