/** A part of the comparison: runs by itself and gives its figures as Markdown. */
export interface PartOptions {
  /** Its own; removed afterwards. */
  readonly directory: string;
  readonly rounds: number;
  /** Of each measurement. */
  readonly seconds: number;
  /** Trials of faults. */
  readonly trials: number;
  readonly hasEtcd: boolean;
  readonly log: (text: string) => void;
}

export type Part = (options: PartOptions) => Promise<string>;
