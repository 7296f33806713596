/**
 * Scans: pages of a stream, with the seams hidden.
 *
 * A page carries the cursor of what follows it. When the stream breaks, a new one begins at the cursor of
 * the last page that arrived; pages that arrived are handed out whole, so nothing is skipped or repeated.
 * Only a page without a cursor ends a scan (or its limit does). That a stream ended, be it with status OK,
 * proves nothing: whoever cut it short may not know better.
 * The deadline counts the wait for each page, not the time that the consumer takes between two.
 */
import type { ScanRequest, ScanResponse } from "@titan/proto";
import { Attempts } from "./attempts.js";
import type { CallScope } from "./call-scope.js";
import { type Caller, READ } from "./caller.js";
import type { Route } from "./endpoint-pool.js";
import { ClientError } from "./errors.js";
import type { CallOptions } from "./requests.js";

/** A stream under way. */
interface OpenStream {
  readonly route: Route;
  readonly pages: AsyncIterator<ScanResponse>;
  /** Where it began, to see that it gets anywhere. */
  readonly cursor: Uint8Array;
}

/** Opens at most `maxConcurrent` scans at a time. */
export class Scanner {
  private open = 0;

  constructor(
    private readonly caller: Caller,
    private readonly maxConcurrent: number,
  ) {}

  /** The pages of `request`, none of them empty. */
  async *pages(
    request: ScanRequest,
    options: CallOptions,
  ): AsyncGenerator<ScanResponse["entries"], void> {
    const scope = this.caller.openScope(options);
    try {
      if (this.open >= this.maxConcurrent) throw this.tooMany();
      this.open += 1;
      try {
        yield* new ScanRun(this.caller, scope, request).pages();
      } finally {
        this.open -= 1;
      }
    } finally {
      // Also takes the stream down, wherever it is.
      scope.close();
      scope.finish();
    }
  }

  private tooMany(): ClientError {
    return new ClientError({
      code: "CLIENT_OVERLOADED",
      outcome: "not-applied",
      message: `${this.maxConcurrent} scans are open already (maxConcurrentScans)`,
    });
  }
}

/** One scan, over as many streams as it takes. */
class ScanRun {
  private readonly attempts: Attempts;
  private stream: OpenStream | undefined;
  private cursor: Uint8Array;
  /** Entries still wanted; `Infinity` without a limit. */
  private wanted: number;

  constructor(
    caller: Caller,
    private readonly scope: CallScope,
    private readonly request: ScanRequest,
  ) {
    this.attempts = new Attempts(caller.context, scope, READ);
    this.cursor = request.cursor;
    this.wanted = request.limit === 0 ? Number.POSITIVE_INFINITY : request.limit;
  }

  async *pages(): AsyncGenerator<ScanResponse["entries"], void> {
    try {
      for (;;) {
        this.scope.arm();
        const page = await this.next();
        this.scope.disarm();
        const entries = page.entries.slice(0, this.wanted);
        this.wanted -= entries.length;
        if (entries.length > 0) yield entries;
        if (this.wanted === 0 || page.cursor.length === 0) return;
      }
    } finally {
      this.stream?.pages.return?.().catch(ignore);
    }
  }

  /** The next page: there is one as long as none without a cursor has come. */
  private async next(): Promise<ScanResponse> {
    for (;;) {
      if (this.scope.end !== undefined) throw this.attempts.ended("pausing");
      const stream = this.stream ?? (await this.begin());
      let result: IteratorResult<ScanResponse>;
      try {
        result = await this.scope.race(stream.pages.next());
      } catch (error) {
        stream.pages.return?.().catch(ignore);
        this.stream = undefined;
        await this.attempts.recover(error, stream.route);
        continue;
      }
      this.attempts.succeeded(stream.route);
      if (result.done !== true) {
        this.attempts.restart();
        this.cursor = result.value.cursor;
        return result.value;
      }
      this.stream = undefined;
      this.assertProgress(stream);
    }
  }

  private async begin(): Promise<OpenStream> {
    const route = await this.attempts.route();
    const limit = this.wanted === Number.POSITIVE_INFINITY ? 0 : this.wanted;
    const request = { ...this.request, cursor: this.cursor, limit };
    const pages = route.connection.scan(request, this.scope.signal)[Symbol.asyncIterator]();
    this.stream = { route, pages, cursor: this.cursor };
    return this.stream;
  }

  /** @throws ClientError `CLIENT_PROTOCOL` when a stream that ended well has not moved the cursor */
  private assertProgress({ cursor, route }: OpenStream): void {
    if (!sameBytes(this.cursor, cursor)) return;
    throw new ClientError({
      code: "CLIENT_PROTOCOL",
      outcome: "not-applied",
      message: "the server ends the scan without a last page",
      endpoint: route.link.endpoint.address,
    });
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** A stream that is given up may fail as it likes. */
function ignore(): void {}
