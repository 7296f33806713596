/** For tests of programs that use this client. */
export type { TestFailure, TestMethod } from "./fault-plan.js";
export type { TestServer, TestServerOptions } from "./test-server.js";
export { createTestServer } from "./test-server.js";
