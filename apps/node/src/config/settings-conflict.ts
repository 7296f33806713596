/** Settings that are fine by themselves and not together. */
import { flagOf, type SettingName, type Settings } from "./settings.js";

/** What is wrong, for the person who gave them; undefined when nothing is. */
export function settingsConflict(settings: Settings): string | undefined {
  const { maxValueBytes, maxKeyBytes, maxBatchBytes, bootstrap, peers, join, nodeId } = settings;
  if (maxBatchBytes < maxValueBytes + maxKeyBytes) {
    return (
      `maxBatchBytes (${maxBatchBytes}) is less than maxKeyBytes + maxValueBytes ` +
      `(${maxKeyBytes + maxValueBytes}): a batch could not hold what a put can. ` +
      `Raise ${flagOf("maxBatchBytes")}, or lower ${flagOf("maxValueBytes")}`
    );
  }
  if (join.length > 0 && bootstrap) return conflict("join", "bootstrap");
  if (join.length > 0 && peers.length > 0) return conflict("join", "peers");
  if (peers.length > 0) {
    if (nodeId === undefined) {
      return `${flagOf("peers")} needs ${flagOf("nodeId")}, to say which of them this node is`;
    }
    if (!peers.some(({ id }) => id === nodeId)) {
      const ids = peers.map(({ id }) => id).join(", ");
      return `${flagOf("peers")} names ${ids}, and not this node: ${flagOf("nodeId")} ${nodeId}`;
    }
  }
  return undefined;
}

function conflict(one: SettingName, other: SettingName): string {
  return `${flagOf(one)} and ${flagOf(other)} exclude each other: a node joins a cluster or founds one`;
}
