/**
 * Chooses the endpoint of each call.
 *
 * One endpoint is preferred and keeps all calls while it works, so a dead one costs the first call that
 * meets it and no other. When it fails, the next one in the list that works takes its place. Attempts to
 * connect are made in rounds that all waiting calls share: the endpoints that are due are tried one after
 * the other, the next beginning when the one before failed or STAGGER_MS have passed (the idea of RFC
 * 8305), and the first to answer wins. An endpoint that failed is not due for a while, so a call
 * may wait for that, but ten thousand calls wait for the same round.
 */
import { EndpointLink, type LinkOptions } from "./endpoint-link.js";
import type { ClientPorts, Connection, Endpoint } from "./ports.js";

/** Milliseconds after which a silent endpoint gets competition. */
const STAGGER_MS = 250;

/** Most endpoints that a message names. */
const NAMED_IN_MESSAGES = 5;

/** A connection that is up, and the link it belongs to. */
export interface Route {
  readonly link: EndpointLink;
  readonly connection: Connection;
}

/** No endpoint that was due could be reached. */
export class ConnectFailure extends Error {
  override readonly name: string = "ConnectFailure";
}

export class EndpointPool {
  /** Those that were given, then those that were learned. */
  private links: readonly EndpointLink[];
  private readonly given: number;
  private preferred: number;
  private round: Promise<Route> | undefined;
  private readonly closing = new AbortController();

  /** @param endpoints at least one, no two with the same address */
  constructor(
    endpoints: readonly Endpoint[],
    private readonly ports: ClientPorts,
    private readonly linkOptions: LinkOptions,
  ) {
    this.given = endpoints.length;
    this.links = endpoints.map((endpoint) => this.linkTo(endpoint));
    // Clients with the same list begin at different nodes.
    this.preferred = ports.random.nextInt(endpoints.length);
  }

  get size(): number {
    return this.links.length;
  }

  /** Where a call can be sent at this moment, if anywhere. One that is silent only when all are. */
  current(): Route | undefined {
    let silent: Route | undefined;
    for (let step = 0; step < this.links.length; step++) {
      const index = (this.preferred + step) % this.links.length;
      const link = this.links[index];
      const connection = link?.up();
      if (link === undefined || connection === undefined) continue;
      if (link.isSilent()) {
        silent ??= { link, connection };
        continue;
      }
      this.preferred = index;
      return { link, connection };
    }
    return silent;
  }

  /** Address of an endpoint, other than this one, that can take a call at this moment. */
  besides(address: string | undefined): string | undefined {
    const isFit = (link: EndpointLink): boolean =>
      link.endpoint.address !== address && link.up() !== undefined && !link.isSilent();
    return this.links.find(isFit)?.endpoint.address;
  }

  /** The endpoint with this address where it can take a call at this moment; connects to it meanwhile where not. */
  routeIfUp(address: string): Route | undefined {
    const link = this.find(address);
    if (link === undefined) return undefined;
    const connection = link.up();
    if (connection !== undefined) return link.isSilent() ? undefined : { link, connection };
    link.connectMeanwhile();
    return undefined;
  }

  /**
   * These are the nodes of a cluster: endpoints beside those that were given. Those of before that are not, go.
   * @param check refuses connections to what is no node of that cluster
   */
  learn(endpoints: readonly Endpoint[], check: NonNullable<LinkOptions["check"]>): void {
    if (this.closing.signal.aborted) return;
    const preferred = this.links[this.preferred];
    const given = this.links.slice(0, this.given);
    const isGiven = new Set(given.map(({ endpoint }) => endpoint.address));
    const learned = endpoints
      .filter(({ address }) => !isGiven.has(address))
      .map((endpoint) => this.find(endpoint.address) ?? this.linkTo(endpoint, check));
    const links = new Set([...given, ...learned]);
    for (const link of this.links) if (!links.has(link)) link.close();
    this.links = [...links];
    this.preferred = Math.max(0, preferred === undefined ? 0 : this.links.indexOf(preferred));
  }

  /** Connects to an endpoint. Rejects with {@link ConnectFailure} when the round found none. */
  connect(): Promise<Route> {
    this.round ??= this.runRound().finally(() => {
      this.round = undefined;
    });
    return this.round;
  }

  /** Connects to the endpoint with this address; `undefined` when it is not one of the pool's. */
  routeTo(address: string): Promise<Route> | undefined {
    const link = this.find(address);
    if (link === undefined) return undefined;
    const connection = link.up();
    if (connection !== undefined) return Promise.resolve({ link, connection });
    return this.tryOne(link);
  }

  /** Prefers another endpoint from now on, without holding anything against this one. */
  turnFrom(link: EndpointLink): void {
    if (this.links[this.preferred] === link) this.preferred = (this.preferred + 1) % this.size;
  }

  close(): void {
    this.closing.abort();
    for (const link of this.links) link.close();
  }

  private find(address: string): EndpointLink | undefined {
    return this.links.find((each) => each.endpoint.address === address);
  }

  private linkTo(endpoint: Endpoint, check?: LinkOptions["check"]): EndpointLink {
    return new EndpointLink(endpoint, this.ports, { ...this.linkOptions, check });
  }

  private async runRound(): Promise<Route> {
    const due = await this.dueLinks();
    const route = await this.race(due);
    // It may have been learned meanwhile that the node is no more.
    this.preferred = Math.max(0, this.links.indexOf(route.link));
    return route;
  }

  /** Links that may be tried, the preferred one first; waits until there is one. */
  private async dueLinks(): Promise<readonly EndpointLink[]> {
    const { clock } = this.ports;
    const earliest = Math.min(...this.links.map((link) => link.retryAtMs));
    const waitMs = earliest - clock.monotonicMs();
    if (waitMs > 0) await this.sleep(waitMs);
    const now = clock.monotonicMs();
    const order = [...this.links.slice(this.preferred), ...this.links.slice(0, this.preferred)];
    const due = order.filter((link) => link.retryAtMs <= now);
    // A timer may fire a moment early; whoever was next is then due enough.
    return due.length > 0 ? due : order.filter((link) => link.retryAtMs === earliest);
  }

  private race(links: readonly EndpointLink[]): Promise<Route> {
    return new Promise((resolve, reject) => {
      let begun = 0;
      let running = 0;
      let cancelTimer: (() => void) | undefined;
      const lost = (): void => {
        running -= 1;
        if (begun < links.length) beginNext();
        else if (running === 0) reject(this.describe(links));
      };
      const won = (route: Route): void => {
        cancelTimer?.();
        begun = links.length;
        resolve(route);
      };
      const beginNext = (): void => {
        cancelTimer?.();
        const link = links[begun];
        if (link === undefined) return;
        begun += 1;
        running += 1;
        this.tryOne(link).then(won, lost);
        if (begun < links.length) cancelTimer = this.ports.clock.schedule(STAGGER_MS, beginNext);
      };
      beginNext();
    });
  }

  private async tryOne(link: EndpointLink): Promise<Route> {
    try {
      return { link, connection: await link.connect() };
    } catch (cause) {
      throw this.describe([link], cause);
    }
  }

  private describe(links: readonly EndpointLink[], cause?: unknown): ConnectFailure {
    const named = links
      .slice(0, NAMED_IN_MESSAGES)
      .map((link) => `${link.endpoint.address} (${link.lastProblem})`);
    if (links.length > named.length) named.push(`${links.length - named.length} more`);
    return new ConnectFailure(
      `cannot connect to ${named.join(", ")}`,
      cause === undefined ? undefined : { cause },
    );
  }

  private sleep(delayMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const { signal } = this.closing;
      const stop = (): void => {
        cancel();
        reject(new ConnectFailure("the client is closed"));
      };
      const cancel = this.ports.clock.schedule(delayMs, () => {
        signal.removeEventListener("abort", stop);
        resolve();
      });
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop, { once: true });
    });
  }
}
