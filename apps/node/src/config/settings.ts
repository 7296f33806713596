/**
 * Every setting of the server, once: its flag, environment variable and key in the config file follow
 * from its name (`grpcAddr` → `--grpc-addr`, `TITAN_GRPC_ADDR`, `"grpcAddr"`), as do help and checks.
 */
import { z } from "zod";
import { MAX_KEY_BYTES } from "../kv/limits.js";
import { peerList } from "./peer-list.js";
import {
  addressList,
  byteSize,
  choice,
  duration,
  hostPort,
  nodeId,
  number,
  path,
  wholeNumber,
  yesOrNo,
  zoneName,
} from "./value-types.js";

const MiB = 1024 ** 2;
/** Scans that the store has open at once at most. */
const MAX_OPEN_VIEWS = 4096;

/** Checks and completes settings; unknown names are refused. */
export const settingsSchema = z.strictObject({
  grpcAddr: hostPort().default("127.0.0.1:7420"),
  raftAddr: hostPort().optional(),
  advertiseGrpcAddr: hostPort().optional(),
  advertiseRaftAddr: hostPort().optional(),
  nodeId: nodeId().optional(),
  bootstrap: yesOrNo().default(false),
  peers: peerList().default([]),
  join: addressList().default([]),
  zone: zoneName().default(""),
  weight: number(0.01, 1000).default(1),
  shards: wholeNumber(1, 1024).default(16),
  replicationFactor: wholeNumber(1, 9).default(3),
  virtualNodes: wholeNumber(1, 10_000).default(150),
  replaceAfter: duration(0, 7 * 24 * 3_600_000).default(1_800_000),
  auditInterval: duration(0, 7 * 24 * 3_600_000).default(60_000),
  leaderLease: yesOrNo().default(false),
  dataDir: path().default("./data"),
  sync: choice("always", "interval", "never").default("always"),
  syncInterval: duration(1, 60_000).default(100),
  minFreeBytes: byteSize(1, 1024 ** 4).default(256 * MiB),
  maxKeyBytes: byteSize(1, MAX_KEY_BYTES).default(MAX_KEY_BYTES),
  maxValueBytes: byteSize(1, 64 * MiB).default(MiB),
  maxBatchBytes: byteSize(1, 64 * MiB).default(2 * MiB),
  maxBatchOperations: wholeNumber(1, 100_000).default(10_000),
  maxResponseBytes: byteSize(1024, 256 * MiB).default(4 * MiB),
  maxConcurrentRequests: wholeNumber(1, 1_000_000).default(4096),
  maxConcurrentScans: wholeNumber(1, MAX_OPEN_VIEWS).default(64),
  maxRequestBytes: byteSize(1, 4096 * MiB).default(256 * MiB),
  maxStreamsPerConnection: wholeNumber(1, 100_000).default(2048),
  scanPageBytes: byteSize(1, 64 * MiB).default(64 * 1024),
  scanPageKeys: wholeNumber(1, 100_000).default(1000),
  requestTimeout: duration(1, 3_600_000).default(10_000),
  shutdownTimeout: duration(0, 3_600_000).default(10_000),
  logLevel: choice("debug", "info", "warn", "error", "silent").default("info"),
  logFormat: choice("json", "pretty").default("json"),
});

/** Checked settings. Sizes in bytes, durations in milliseconds. */
export type Settings = z.output<typeof settingsSchema>;

/** Name of a setting, as in the config file. */
export type SettingName = keyof Settings;

/** Where a setting stands in the help, and what it says there. */
interface SettingHelp {
  readonly group: "Serving" | "Cluster" | "Storage" | "Limits" | "Operation";
  readonly placeholder: string;
  readonly text: string;
}

/** Help for every setting, in the order in which it is shown. */
export const SETTING_HELP: Readonly<Record<SettingName, SettingHelp>> = {
  grpcAddr: {
    group: "Serving",
    placeholder: "HOST:PORT",
    text: "Where clients connect. Port 0 lets the system choose. There is no TLS yet: keep it on loopback or a private network.",
  },
  raftAddr: {
    group: "Serving",
    placeholder: "HOST:PORT",
    text: "Where other nodes connect. [default: the host of --grpc-addr, and the port after its port]",
  },
  advertiseGrpcAddr: {
    group: "Serving",
    placeholder: "HOST:PORT",
    text: "Where clients and joining nodes reach this node, if that is not --grpc-addr: behind a NAT, in a container, or when it listens on all addresses. [default: --grpc-addr, with this machine's name for a host like 0.0.0.0]",
  },
  advertiseRaftAddr: {
    group: "Serving",
    placeholder: "HOST:PORT",
    text: "Where other nodes reach this node. [default: --raft-addr, with this machine's name for a host like 0.0.0.0]",
  },
  nodeId: {
    group: "Cluster",
    placeholder: "ID",
    text: "Name of this node for the life of its data. Chosen at the first start when not given.",
  },
  bootstrap: {
    group: "Cluster",
    placeholder: "",
    text: "Found a cluster of this node alone if --data-dir is empty. It is what happens without --peers and --join, too: the flag says that it is meant.",
  },
  peers: {
    group: "Cluster",
    placeholder: "ID@GRPC@RAFT,...",
    text: "Found a cluster of these nodes, this one among them, once all of them run with the same list and an empty --data-dir: node id, gRPC address, Raft address. The flag may be repeated. ID|GRPC|RAFT is understood too, but has to be quoted in a shell.",
  },
  join: {
    group: "Cluster",
    placeholder: "GRPC,...",
    text: "Join the cluster of the node at any of these gRPC addresses, if --data-dir is empty; asked again until it is admitted.",
  },
  zone: {
    group: "Cluster",
    placeholder: "NAME",
    text: "What this node fails together with, such as a rack: replicas are spread over zones.",
  },
  weight: {
    group: "Cluster",
    placeholder: "NUMBER",
    text: "This node's share of the data, compared with the others'.",
  },
  shards: {
    group: "Cluster",
    placeholder: "COUNT",
    text: "Shards that a new cluster is cut into, for good.",
  },
  replicationFactor: {
    group: "Cluster",
    placeholder: "COUNT",
    text: "Replicas of each shard in a new cluster, if there are as many nodes.",
  },
  virtualNodes: {
    group: "Cluster",
    placeholder: "COUNT",
    text: "Points on the hash ring per unit of weight in a new cluster.",
  },
  replaceAfter: {
    group: "Cluster",
    placeholder: "TIME",
    text: "Replicas of a node that is gone for so long are made anew on others. 0s: never.",
  },
  auditInterval: {
    group: "Cluster",
    placeholder: "TIME",
    text: "A node compares the replicas of one of the shards that it leads so often, one after the other. 0s: never.",
  },
  leaderLease: {
    group: "Cluster",
    placeholder: "",
    text: "Leaders serve reads without asking a majority each time. Rests on clocks that run at about the same speed; the same on all nodes.",
  },
  dataDir: {
    group: "Storage",
    placeholder: "DIR",
    text: "Where the data is kept. Made when missing; used by one process at a time.",
  },
  sync: {
    group: "Storage",
    placeholder: "WHEN",
    text: "When a write is durable on a node: always = on stable storage before it counts; interval = synced every --sync-interval; never = by the operating system. With the last two a power cut can lose writes that were answered.",
  },
  syncInterval: {
    group: "Storage",
    placeholder: "TIME",
    text: "Time between syncs with --sync interval.",
  },
  minFreeBytes: {
    group: "Storage",
    placeholder: "SIZE",
    text: "With less free on the disk the node leads nothing and refuses writes, but for those that free space; so there is room left to mend things.",
  },
  maxKeyBytes: { group: "Limits", placeholder: "SIZE", text: "Largest key." },
  maxValueBytes: { group: "Limits", placeholder: "SIZE", text: "Largest value." },
  maxBatchBytes: {
    group: "Limits",
    placeholder: "SIZE",
    text: "Largest batch or transaction, keys and values together.",
  },
  maxBatchOperations: {
    group: "Limits",
    placeholder: "COUNT",
    text: "Most operations and comparisons in a batch or transaction.",
  },
  maxResponseBytes: {
    group: "Limits",
    placeholder: "SIZE",
    text: "Most bytes that the gets of one transaction may return.",
  },
  maxConcurrentRequests: {
    group: "Limits",
    placeholder: "COUNT",
    text: "Most requests under way at once; more are refused with OVERLOADED.",
  },
  maxConcurrentScans: {
    group: "Limits",
    placeholder: "COUNT",
    text: "Most scans under way at once.",
  },
  maxRequestBytes: {
    group: "Limits",
    placeholder: "SIZE",
    text: "Most bytes of keys and values of all writes under way at once.",
  },
  maxStreamsPerConnection: {
    group: "Limits",
    placeholder: "COUNT",
    text: "Most calls under way on one connection; a client's further calls wait in the client.",
  },
  scanPageBytes: {
    group: "Limits",
    placeholder: "SIZE",
    text: "A page of a scan ends when it has so many bytes.",
  },
  scanPageKeys: {
    group: "Limits",
    placeholder: "COUNT",
    text: "A page of a scan ends after so many keys.",
  },
  requestTimeout: {
    group: "Limits",
    placeholder: "TIME",
    text: "Longest time for a request whose client names no deadline: then it is refused.",
  },
  shutdownTimeout: {
    group: "Operation",
    placeholder: "TIME",
    text: "How long a stop waits for calls under way before it cuts them off.",
  },
  logLevel: {
    group: "Operation",
    placeholder: "LEVEL",
    text: "debug, info, warn, error or silent.",
  },
  logFormat: {
    group: "Operation",
    placeholder: "FORMAT",
    text: "json = one object per line; pretty = for reading in a terminal.",
  },
};

/** Settings that are on or off: as flags they need no value. */
export const ON_OFF_NAMES: ReadonlySet<SettingName> = new Set(["bootstrap", "leaderLease"]);

/** Settings that are lists: as flags they may be repeated. */
export const LIST_NAMES: ReadonlySet<SettingName> = new Set(["peers", "join"]);

/** All names, in the order of the help. */
export const SETTING_NAMES = Object.keys(SETTING_HELP) as readonly SettingName[];

/** `grpcAddr` → `--grpc-addr`. */
export function flagOf(name: SettingName): string {
  return `--${hyphenated(name)}`;
}

/** `grpcAddr` → `TITAN_GRPC_ADDR`. */
export function variableOf(name: SettingName): string {
  return `TITAN_${hyphenated(name).replaceAll("-", "_").toUpperCase()}`;
}

function hyphenated(name: SettingName): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
