/**
 * The sessions of a client. One does while no write is slow; a write that takes long holds up the window of its
 * session, and then others take its place. Opened when first needed.
 */
import type { WriteId } from "@titan/proto";
import type { CallScope } from "./call-scope.js";
import { WriteSession } from "./write-session.js";

/** More than that are not open at once; a write then waits for room. */
const MOST_SESSIONS = 64;

/** A write's place in a session. */
export interface WriteTicket {
  readonly writeId: WriteId;
  /** The write has ended and will not be sent again. Idempotent. */
  settle(): void;
  /** The cluster does not know the session any more. */
  lose(): void;
}

export class SessionPool {
  private readonly sessions = new Set<WriteSession>();
  private opening: Promise<void> | undefined;
  private readonly line = new Set<() => void>();

  /** @param open opens a session; rejects when none can be had */
  constructor(private readonly open: () => Promise<Uint8Array>) {}

  /** At once, when there is room. */
  tryTake(): WriteTicket | undefined {
    for (const session of this.sessions) if (session.hasRoom) return this.ticket(session);
    return undefined;
  }

  /** Waits for room. Rejects with what `open` does, or with the reason of the scope's end. */
  async take(scope: CallScope): Promise<WriteTicket> {
    for (;;) {
      const ticket = this.tryTake();
      if (ticket !== undefined) return ticket;
      if (this.sessions.size < MOST_SESSIONS) await scope.race(this.openOne());
      else await this.room(scope);
    }
  }

  /** Ids of the sessions that are known to the cluster; none is used any more. */
  end(): readonly Uint8Array[] {
    const ids = [...this.sessions].filter(({ isLost }) => !isLost).map(({ id }) => id);
    this.sessions.clear();
    return ids;
  }

  private openOne(): Promise<void> {
    this.opening ??= this.open()
      .then((id) => void this.sessions.add(new WriteSession(id)))
      .finally(() => {
        this.opening = undefined;
      });
    return this.opening;
  }

  private ticket(session: WriteSession): WriteTicket {
    const sequence = session.take();
    let isSettled = false;
    const settle = (): void => {
      if (isSettled) return;
      isSettled = true;
      session.settle(sequence);
      if (session.hasRoom) this.callWaiting();
    };
    return {
      writeId: session.writeId(sequence),
      settle,
      lose: () => {
        session.isLost = true;
        this.sessions.delete(session);
        settle();
        this.callWaiting();
      },
    };
  }

  /** Who finds no room waits again. */
  private callWaiting(): void {
    for (const go of this.line) go();
  }

  private async room(scope: CallScope): Promise<void> {
    let go: (() => void) | undefined;
    try {
      await scope.race(
        new Promise<void>((resolve) => {
          go = resolve;
          this.line.add(resolve);
        }),
      );
    } finally {
      if (go !== undefined) this.line.delete(go);
    }
  }
}
