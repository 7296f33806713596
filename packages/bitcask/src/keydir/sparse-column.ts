import type { MemoryBudget } from "./memory-budget.js";
import { bytesOf, type TableReader, type TableWriter } from "./table-image.js";

/** Of any width: what 2^31 rows need at the least. */
const MAX_BLOCKS = 2 ** 16;

/**
 * A column of numbers beside the record table, for facts that few records have. A block of rows takes
 * memory once one of them is set, so a store without expiries pays nothing for them, and nothing is
 * ever rehashed or moved.
 */
export class SparseColumn {
  private readonly blocks: (Float64Array | undefined)[] = [];
  private readonly rowBits: number;
  private readonly budget: MemoryBudget;
  private blockCount = 0;

  /** @param rowBits log2 of the rows per block */
  constructor(rowBits: number, budget: MemoryBudget) {
    this.rowBits = rowBits;
    this.budget = budget;
  }

  /** The row's value, 0 when it was never set. */
  get(row: number): number {
    const block = this.blocks[row >>> this.rowBits];
    return block === undefined ? 0 : (block[row & ((1 << this.rowBits) - 1)] as number);
  }

  /** @throws BitcaskError `BITCASK_INDEX_FULL` */
  set(row: number, value: number): void {
    const index = row >>> this.rowBits;
    let block = this.blocks[index];
    if (block === undefined) {
      if (value === 0) return;
      block = this.addBlock(index);
    }
    block[row & ((1 << this.rowBits) - 1)] = value;
  }

  /** Puts the column into an image. */
  save(image: TableWriter): void {
    image.number(this.blockCount);
    for (const [index, block] of this.blocks.entries()) {
      if (block === undefined) continue;
      image.number(index);
      image.block(bytesOf(block));
    }
  }

  /** Makes an empty column the one that was saved. @throws BitcaskError `BITCASK_INDEX_FULL` */
  restore(image: TableReader): void {
    const count = image.count(MAX_BLOCKS);
    for (let restored = 0; restored < count; restored++) {
      image.block(bytesOf(this.addBlock(image.count(MAX_BLOCKS))));
    }
  }

  private addBlock(index: number): Float64Array {
    this.budget.take(8 << this.rowBits);
    while (this.blocks.length <= index) this.blocks.push(undefined);
    const block = new Float64Array(1 << this.rowBits);
    this.blocks[index] = block;
    this.blockCount++;
    return block;
  }

  /** Gives all blocks back; every row reads 0 again. */
  clear(): void {
    this.blocks.length = 0;
    this.budget.give(this.blockCount * (8 << this.rowBits));
    this.blockCount = 0;
  }
}
