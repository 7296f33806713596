/** The parts of which changes of the map are made. */
import type { KvErrorCode } from "../kv/kv-error.js";
import type { ClusterMap } from "./cluster-map.js";
import type { MapResult } from "./map-command.js";

/** The command of one type, without it. */
export type PartOf<Union extends { readonly type: string }, Type extends string> = Omit<
  Extract<Union, { readonly type: Type }>,
  "type"
>;

/** The map that comes of a command; `number` of what was made. */
export interface MapChange {
  readonly map: ClusterMap;
  readonly number: number | undefined;
}

/** Ends a command that cannot be done. */
export class MapRefusal extends Error {
  override readonly name: string = "MapRefusal";
  readonly result: MapResult;

  constructor(result: MapResult & { readonly type: "refused" }) {
    super(result.message);
    this.result = result;
  }
}

export function refuse(
  code: KvErrorCode,
  message: string,
  metadata: Readonly<Record<string, string>> = {},
): MapRefusal {
  return new MapRefusal({ type: "refused", code, message, metadata });
}

/** Nothing has to change. */
export function done(map: ClusterMap): MapChange {
  return { map, number: undefined };
}

/** The next map. */
export function changed(map: ClusterMap, change: Partial<ClusterMap>, number?: number): MapChange {
  return { map: { ...map, ...change, epoch: map.epoch + 1 }, number };
}
