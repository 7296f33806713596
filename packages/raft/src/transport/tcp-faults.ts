/** What goes wrong on the wire: named, counted and told, never thrown. */

import type { NodeId } from "../core/ids.js";

/** Why a connection ended, was refused, or a frame was dropped. */
export type TcpFault =
  /** The first bytes are not this protocol's. */
  | "bad-magic"
  /** A handshake that is damaged or says impossible things. */
  | "bad-handshake"
  /** The other end speaks another version of the protocol. */
  | "wrong-version"
  /** The other end belongs to another cluster. */
  | "wrong-cluster"
  /** Somebody else was meant: an address leads to another node than the map says. */
  | "wrong-node"
  /** The address of the node that dials is not known, and there are `maxGuests` such nodes already. */
  | "unknown-peer"
  /** TLS failed, or `authorize` refused the certificate. */
  | "unauthorized"
  /** The other end did not finish the handshake in time. */
  | "handshake-timeout"
  /** Too many handshakes at once: the oldest made room. */
  | "handshake-flood"
  /** A record above its limit, or of impossible length. */
  | "too-large"
  /** Bytes were changed on the way. */
  | "bad-checksum"
  /** A record that is unknown, or has no place where it stands. */
  | "unexpected-record"
  /** The connection ended within a record. */
  | "cut-short"
  /** Nothing was heard for too long. */
  | "peer-silent"
  /** The same node came again; the older connection is taken for dead. */
  | "displaced"
  /** A frame was refused because the queue was full. */
  | "queue-full"
  /** A stream was refused because as many as allowed were open. */
  | "stream-limit";

/** What is known of a fault. */
export interface TcpFaultDetail {
  /** The peer, as far as it is known; not proven before the handshake is over. */
  readonly peer?: NodeId;
  /** The other end's address. */
  readonly address?: string;
  /** For people. */
  readonly message?: string;
}

/** Told what happens. Must not throw, nor call back into the transport. */
export interface TcpTransportObserver {
  onFault?(fault: TcpFault, detail: TcpFaultDetail): void;
}

const NO_FAULTS: Readonly<Record<TcpFault, number>> = {
  "bad-magic": 0,
  "bad-handshake": 0,
  "wrong-version": 0,
  "wrong-cluster": 0,
  "wrong-node": 0,
  "unknown-peer": 0,
  unauthorized: 0,
  "handshake-timeout": 0,
  "handshake-flood": 0,
  "too-large": 0,
  "bad-checksum": 0,
  "unexpected-record": 0,
  "cut-short": 0,
  "peer-silent": 0,
  displaced: 0,
  "queue-full": 0,
  "stream-limit": 0,
};

export class TcpFaults {
  readonly #counts = { ...NO_FAULTS };
  readonly #observer: TcpTransportObserver;

  constructor(observer: TcpTransportObserver) {
    this.#observer = observer;
  }

  add(fault: TcpFault, detail: TcpFaultDetail = {}): void {
    this.#counts[fault] += 1;
    this.#observer.onFault?.(fault, detail);
  }

  /** How often each has happened so far. */
  counts(): Readonly<Record<TcpFault, number>> {
    return { ...this.#counts };
  }
}
