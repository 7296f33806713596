/**
 * Judges what a killed store holds. Versions count all writes in the order in which they were called, so
 * what is found must be the state after some version: at least the last one that was acknowledged.
 */
import { keyOf, versionOf } from "./soak-load.mjs";

/**
 * The child's log, of which the last line may be cut. `I version kind key expiry batch`: a write is about
 * to be called; `A version`: it has been answered; `S …`: figures.
 */
export function readLog(text) {
  const intents = [];
  const samples = [];
  let acknowledged = 0;
  for (const line of text.slice(0, text.lastIndexOf("\n") + 1).split("\n")) {
    const [type, ...fields] = line.split(" ");
    if (type === "A") acknowledged = Math.max(acknowledged, Number(fields[0]));
    if (type === "S") samples.push(JSON.parse(line.slice(2)));
    if (type !== "I") continue;
    const [version, kind, key, expiresAt, batch] = fields;
    intents.push({
      version: Number(version),
      isPut: kind === "put",
      key: Number(key),
      expiresAt: Number(expiresAt),
      batch: Number(batch),
    });
  }
  return { intents, acknowledged, samples };
}

export class Ledger {
  constructor() {
    /** Key to the last write that is there: `{ version, isPut, expiresAt }`. */
    this.state = new Map();
    this.nextVersion = 1;
    this.counts = { called: 0, acknowledged: 0, survived: 0 };
  }

  /**
   * @param found key to value, of all keys that are there
   * @throws Error when no prefix of what was called explains it
   */
  settle(found, intents, acknowledged) {
    const versions = new Map();
    for (const [key, value] of found) versions.set(key, versionOf(key, value));
    const newest = Math.max(0, ...versions.values());
    if (newest >= (intents.at(-1)?.version ?? this.nextVersion - 1) + 1) {
      throw new Error(`version ${newest} was never called`);
    }
    let reached = Math.max(acknowledged, newest);
    // A batch counts as called whole.
    const last = intents.find(({ version }) => version === reached);
    if (last !== undefined && last.batch > 0) {
      const members = intents.filter(({ batch }) => batch === last.batch);
      reached = members.at(-1).version;
    }
    for (const intent of intents) {
      if (intent.version <= reached) this.state.set(intent.key, intent);
    }
    const unseen = this.invisible(intents, reached);
    for (const key of new Set([...this.state.keys(), ...versions.keys()])) {
      this.judge(key, versions.get(key), unseen.get(key));
    }
    this.counts.called += intents.length;
    this.counts.acknowledged += intents.filter(({ version }) => version <= acknowledged).length;
    this.counts.survived += intents.filter(({ version }) => version <= reached).length;
    this.nextVersion = Math.max(this.nextVersion, (intents.at(-1)?.version ?? 0) + 1);
  }

  describe() {
    const { called, acknowledged, survived } = this.counts;
    return `${called} writes called, ${acknowledged} acknowledged, ${survived} there`;
  }

  /** Writes after `reached` that may have happened without a value to show for it: deletes, and puts
   *  that have expired. The first other one has not happened, nor anything after it. */
  invisible(intents, reached) {
    const unseen = new Map();
    for (const intent of intents) {
      if (intent.version <= reached) continue;
      const mayHide = !intent.isPut || hasExpired(intent);
      if (!mayHide || intent.batch > 0) break;
      unseen.set(intent.key, intent);
    }
    return unseen;
  }

  judge(key, version, unseen) {
    const expected = this.state.get(key);
    if (version !== undefined) {
      if (expected?.isPut && expected.version === version) return;
      throw new Error(`${keyOf(key)} has version ${version}, not ${describe(expected)}`);
    }
    const mayBeGone = expected === undefined || !expected.isPut || hasExpired(expected);
    if (!mayBeGone && unseen === undefined) {
      throw new Error(`${keyOf(key)} is gone, not ${describe(expected)}`);
    }
    // Nothing older may ever come back.
    const gone = unseen ?? expected;
    if (gone !== undefined) this.state.set(key, { ...gone, isPut: false });
  }
}

function hasExpired({ expiresAt }) {
  // A little early, for the time between the store's look at the clock and ours.
  return expiresAt > 0 && expiresAt <= Date.now() + 50;
}

function describe(intent) {
  return intent === undefined ? "absent" : `version ${intent.version} (put: ${intent.isPut})`;
}
