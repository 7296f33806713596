/**
 * Reads one data file from end to end beside its hint: every checksum, the rules of batches, and that
 * the hint tells the same as the records. Bounded memory, whatever the size of the file.
 */
import { unsupported } from "../file-loader.js";
import type { FileHandle } from "../ports.js";
import {
  CONTROL,
  type RecordHeader,
  readUint64,
  syncedBefore,
  TOMBSTONE,
} from "../record-format.js";
import { endOfContent, findWitness, isZeroed, type ScanSource } from "../record-scanner.js";
import type { TornTail } from "../stats.js";
import { BatchCheck } from "./batch-check.js";
import type { DamageList, LostRecord } from "./damage.js";
import { probableRecord } from "./damaged-record.js";
import { HintComparison, type HintedLoss } from "./hint-comparison.js";
import type { HintCursor } from "./hint-cursor.js";
import { type ByteRange, walkRecords } from "./record-walk.js";

export interface ExaminationSubject extends ScanSource {
  readonly handle: FileHandle;
  /** Where records lie. */
  readonly range: ByteRange;
  /** Below this offset everything had been synced. */
  readonly durableBytes: number;
  readonly isSealed: boolean;
  /** From here on the file may end with zeros; `undefined`: nowhere. */
  readonly reserveFrom: number | undefined;
}

/** A deletion whose record is damaged but known from the hint, so that it can be made again. */
export interface KnownDeletion {
  readonly key: Uint8Array;
  readonly sequence: number;
}

export class FileExamination {
  records = 0;
  tombstones = 0;
  highestSequence = 0;
  timeFloorMs = 0;
  /** Nothing in them may be kept. They may overlap. */
  readonly badRanges: ByteRange[] = [];
  readonly knownDeletions: KnownDeletion[] = [];
  /** A torn end that was never acknowledged as durable: no damage, the next open cuts it. */
  tornTail: TornTail | undefined;
  /** Whether the file ends with zeros that were kept for further records. */
  hasReserve = false;
  /** In words, what is wrong with the hint; `undefined` when it is sound or missing. */
  hintFault: string | undefined;

  private readonly subject: ExaminationSubject;
  private readonly damages: DamageList;
  private readonly hint: HintComparison;
  private readonly batches: BatchCheck;
  private provenDurable = 0;
  private hinted: HintedLoss | undefined;

  constructor(subject: ExaminationSubject, damages: DamageList, hint: HintCursor | undefined) {
    this.subject = subject;
    this.damages = damages;
    this.hint = new HintComparison(hint);
    this.batches = new BatchCheck((range, what) => this.reject(range, what, undefined));
  }

  /** @throws BitcaskError `BITCASK_NEWER_FORMAT` for a sound record of an unknown kind */
  async run(progress: (position: number) => Promise<void>): Promise<void> {
    const { range } = this.subject;
    await walkRecords(this.subject, range, {
      record: (header, buffer, at, position) => this.visit(header, buffer, at, position),
      isReserve: (offset) => this.isReserve(offset),
      mayGoOn: async (offset, what) => !(await this.isTorn(offset, what)),
      nextKnown: (offset) => {
        this.hinted = this.hint.take(offset, range.to);
        return this.hinted?.end;
      },
      damage: (damaged, what) => this.stepOver(damaged, what),
      progress,
    });
    if (this.tornTail === undefined) await this.finishBatches();
    this.hintFault = this.hint.finish();
  }

  private visit(
    header: Readonly<RecordHeader>,
    buffer: Buffer,
    at: number,
    position: number,
  ): void {
    const refusal = unsupported(this.subject, header, buffer, at, position);
    if (refusal !== undefined) throw refusal;
    this.batches.add(header, position);
    this.records += 1;
    this.highestSequence = Math.max(this.highestSequence, header.sequence);
    this.provenDurable = Math.max(this.provenDurable, syncedBefore(header, position));
    const keyStart = at + header.keyStart;
    const key = buffer.subarray(keyStart, keyStart + header.keySize);
    if (header.flags & TOMBSTONE) this.tombstones += 1;
    if (header.flags & CONTROL) {
      const floor = readUint64(buffer, keyStart + 1);
      this.timeFloorMs = Math.max(this.timeFloorMs, floor);
      this.hint.compare(header, key, floor, position);
    } else {
      this.hint.compare(header, key, header.expiresAt, position);
    }
  }

  private async isReserve(offset: number): Promise<boolean> {
    const { range, reserveFrom } = this.subject;
    if (reserveFrom === undefined || offset < reserveFrom) return false;
    if (!(await isZeroed(this.subject, offset, range.to))) return false;
    this.hasReserve = true;
    this.badRanges.push({ from: offset, to: range.to });
    return true;
  }

  /** The same judgement as on opening: see `file-loader.ts`. */
  private async isTorn(offset: number, what: string): Promise<boolean> {
    const { range } = this.subject;
    const whole = this.batches.openBatch ?? offset;
    if (this.isSynced(offset, whole)) return false;
    const witness = await findWitness(this.subject, offset, range.to, this.highestSequence);
    if (witness !== undefined) return false;
    await this.cutAt(whole, what);
    return true;
  }

  private isSynced(offset: number, whole: number): boolean {
    const { isSealed, durableBytes } = this.subject;
    return isSealed || whole < durableBytes || offset < this.provenDurable;
  }

  private async cutAt(offset: number, reason: string): Promise<void> {
    const { path, range } = this.subject;
    const bytes = (await endOfContent(this.subject, offset, range.to)) - offset;
    this.tornTail = { file: path, offset, bytes, reason };
    this.badRanges.push({ from: offset, to: range.to });
  }

  private async finishBatches(): Promise<void> {
    const { to } = this.subject.range;
    const { openBatch } = this.batches;
    if (openBatch === undefined || this.isSynced(to, openBatch)) this.batches.finish(to);
    else await this.cutAt(openBatch, "a batch without its end");
  }

  private stepOver(range: ByteRange, what: string): void {
    const { hinted } = this;
    this.hinted = undefined;
    const lost = hinted ? hinted.lost : probableRecord(this.subject.handle, range);
    this.reject(range, what, lost);
    this.batches.skip(range, hinted?.before ?? "unknown");
    if (hinted === undefined) return;
    this.highestSequence = Math.max(this.highestSequence, hinted.sequence);
    if (lost?.isDeletion && !hinted.isBatchMember) this.knownDeletions.push(lost);
  }

  private reject(range: ByteRange, what: string, lost: LostRecord | undefined): void {
    this.badRanges.push(range);
    this.damages.add({
      kind: "data",
      file: this.subject.path,
      offset: range.from,
      bytes: range.to - range.from,
      what,
      lost: lost === undefined ? [] : [lost],
    });
  }
}
