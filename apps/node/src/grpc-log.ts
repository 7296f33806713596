/** What grpc-js says of its own accord goes to the log; left to itself it prints raw lines to stderr. */
import { setLogger } from "@grpc/grpc-js";
import type { Logger } from "./logger.js";

/**
 * For the whole process: gRPC has one logger. Its errors also reach whoever called it, so they are no more
 * than a detail here.
 */
export function logGrpcTo(logger: Logger): void {
  const say = (...words: unknown[]): void => logger.debug({ grpc: words.join(" ") }, "gRPC");
  setLogger({ error: say, info: say, debug: say });
}
