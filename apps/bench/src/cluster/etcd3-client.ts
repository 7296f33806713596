/** The npm package etcd3, which users of etcd have in Node. */
import { loadClientPeer } from "./client-peers.js";
import type { Way } from "./way.js";

interface Etcd3Client {
  put(key: Buffer): { value(value: Buffer): { exec(): Promise<unknown> } };
  get(key: Buffer): { buffer(): Promise<unknown> };
  close(): void;
}

interface Etcd3Module {
  readonly Etcd3: new (options: { readonly hosts: readonly string[] }) => Etcd3Client;
}

/** @returns undefined where it cannot be had */
export function etcd3Way(addresses: readonly string[]): (Way & { close(): void }) | undefined {
  const etcd3 = loadClientPeer("etcd3") as Etcd3Module | undefined;
  if (etcd3 === undefined) return undefined;
  const client = new etcd3.Etcd3({ hosts: addresses.map((address) => `http://${address}`) });
  return {
    put: (key, value) => client.put(key).value(value).exec(),
    get: (key) => client.get(key).buffer(),
    close: () => client.close(),
  };
}
