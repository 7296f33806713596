/**
 * The network between n nodes that are processes: each node is reached by its peers through a proxy of its own,
 * whose address it advertises, and the proxy tells by their first bytes who dials. So each pair of
 * nodes can be parted, in one direction or both, while all have the same list of addresses.
 */

import { readRaftHello } from "./raft-hello.js";
import { FAIR, TcpProxy, type Weather } from "./tcp-proxy.js";

/** A node, by its place from 0. */
export type Place = number;

export class ProxyNetwork {
  readonly #proxies: TcpProxy[] = [];
  /** Weather from one place to another, where it is not fair: by `from>to`. */
  readonly #weather = new Map<string, Weather>();
  /** Nodes tell their number in the cluster, and whom they mean: so a proxy learns who is behind it. */
  readonly #placeOfNumber = new Map<string, Place>();

  /** @param targets where each node listens, `host:port` */
  static async create(targets: readonly string[]): Promise<ProxyNetwork> {
    const network = new ProxyNetwork();
    for (const [place, target] of targets.entries()) await network.#add(place, target);
    return network;
  }

  private constructor() {}

  /** One more node. @returns its place */
  async add(target: string): Promise<Place> {
    const place = this.#proxies.length;
    await this.#add(place, target);
    return place;
  }

  /** The address to advertise for a node. */
  addressOf(place: Place): string {
    return this.#proxyOf(place).address;
  }

  /** Nothing gets from one to the other, and nobody is told. The way back stays open. */
  block(from: Place, to: Place): void {
    this.#set(from, to, { isBlocked: true, delayMs: 0 });
  }

  /** {@link ProxyNetwork.block} both ways between each node of one group and each of the other. */
  part(one: readonly Place[], other: readonly Place[]): void {
    for (const a of one) {
      for (const b of other) {
        this.block(a, b);
        this.block(b, a);
      }
    }
  }

  /** What one sends to the other takes so long. */
  delay(from: Place, to: Place, delayMs: number): void {
    this.#set(from, to, { isBlocked: false, delayMs });
  }

  /** Resets the connections to a node that are open now. */
  sever(place: Place): void {
    this.#proxyOf(place).sever();
  }

  /** Everything gets through again. */
  heal(): void {
    this.#weather.clear();
    for (const proxy of this.#proxies) proxy.changed();
  }

  async close(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
  }

  async #add(place: Place, target: string): Promise<void> {
    this.#proxies[place] = await TcpProxy.listen({
      target,
      identify: (bytes) => {
        const hello = readRaftHello(bytes);
        if (hello === undefined) return undefined;
        if (hello === "other") return "";
        this.#placeOfNumber.set(String(hello.to), place);
        return String(hello.from);
      },
      weather: ({ dialler }, direction) => {
        const other = dialler === undefined ? undefined : this.#placeOfNumber.get(dialler);
        if (other === undefined) return FAIR;
        const [from, to] = direction === "forth" ? [other, place] : [place, other];
        return this.#weather.get(`${from}>${to}`) ?? FAIR;
      },
    });
  }

  #set(from: Place, to: Place, weather: Weather): void {
    this.#weather.set(`${from}>${to}`, weather);
    for (const place of [from, to]) this.#proxyOf(place).changed();
  }

  #proxyOf(place: Place): TcpProxy {
    const proxy = this.#proxies[place];
    if (proxy === undefined) throw new RangeError(`there is no node at place ${place}`);
    return proxy;
  }
}
