/**
 * The mesh as the WebSocket command `infrafabric/mesh/subscribe` tells it: a snapshot, then changes.
 *
 * Peers and links go by a small number of the peer, given by the server and never used twice.
 */

import type { Hass } from "./hass.ts";

export type PeerState = "connected" | "routed" | "down";
export type Band = "excellent" | "good" | "fair" | "poor" | "critical" | "unknown";
export type Path =
  | "direct_lan"
  | "direct_wan"
  | "turn_udp"
  | "turn_tcp"
  | "turn_tls"
  | "routed"
  | "down";

export const BANDS: readonly Band[] = ["excellent", "good", "fair", "poor", "critical", "unknown"];

export interface PeerInfo {
  n: number;
  id: string;
  name: string;
  device_id: string | null;
  role: string;
  state: PeerState;
  path: Path;
  band: Band;
  score: number | null;
  rtt_ms: number | null;
  loss_percent: number | null;
  last_seen: string | null;
}

export interface NodeInfo {
  n: number;
  id: string;
  name: string;
  device_id: string | null;
  entry_id: string;
  mesh: string;
  fingerprint: string;
  can_invite: boolean;
}

/** Two peers' numbers, round trip in ms, path, band, and whether it is one of this node's links. */
export type LinkTuple = [number, number, number | null, Path, Band, boolean];

export interface LinkInfo {
  a: number;
  b: number;
  rtt_ms: number | null;
  path: Path;
  band: Band;
  own: boolean;
}

export interface Snapshot {
  type: "snapshot";
  node: NodeInfo;
  peers: PeerInfo[];
  links: LinkTuple[];
}

export interface Changes {
  type: "changes";
  node?: NodeInfo;
  peers?: PeerInfo[];
  peers_removed?: number[];
  links?: LinkTuple[];
  links_removed?: [number, number][];
}

export interface Unavailable {
  type: "unavailable";
}

export type FeedMessage = Snapshot | Changes | Unavailable;

/** Follows one mesh, the running one if none is named, and returns how to stop.
 *
 * @param failed Told what Home Assistant says if there is nothing to follow.
 */
export function followMesh(
  hass: Hass,
  entryId: string | undefined,
  heard: (message: FeedMessage) => void,
  failed: (error: unknown) => void,
): () => void {
  let over = false;
  let end: (() => Promise<void>) | null = null;
  // The connection may be gone by the time; then there is nothing to end.
  const unsubscribe = (): void => void end?.().catch(() => undefined);
  hass.connection
    .subscribeMessage<FeedMessage>((message) => over || heard(message), {
      type: "infrafabric/mesh/subscribe",
      ...(entryId ? { entry_id: entryId } : {}),
    })
    .then(
      (stop) => {
        end = stop;
        if (over) unsubscribe();
      },
      (error: unknown) => over || failed(error),
    );
  return () => {
    over = true;
    unsubscribe();
  };
}

const PEERS = 2 ** 20;

/** One number for two peers, whichever comes first. */
export function linkKey(a: number, b: number): number {
  return a < b ? a * PEERS + b : b * PEERS + a;
}

/** What is known of the mesh now; `apply` is the only thing that changes it. */
export class MeshStore {
  node: NodeInfo | null = null;
  readonly peers = new Map<number, PeerInfo>();
  readonly links = new Map<number, LinkInfo>();
  /** Whether the mesh runs; what is shown otherwise is how it was. */
  available = false;
  /** Grows when peers or links come, go, or change what decides where they are drawn. */
  shape = 0;
  /** Grows with every change. */
  version = 0;

  apply(message: FeedMessage): void {
    this.version += 1;
    switch (message.type) {
      case "unavailable":
        this.available = false;
        return;
      case "snapshot":
        this.available = true;
        this.node = message.node;
        this.peers.clear();
        this.links.clear();
        for (const peer of message.peers) this.peers.set(peer.n, peer);
        for (const link of message.links) this.setLink(link);
        this.shape += 1;
        return;
      case "changes":
        this.change(message);
    }
  }

  private change(message: Changes): void {
    let shape = false;
    if (message.node) this.node = message.node;
    for (const peer of message.peers ?? []) {
      shape ||= !this.peers.has(peer.n);
      this.peers.set(peer.n, peer);
    }
    for (const n of message.peers_removed ?? []) shape = this.peers.delete(n) || shape;
    for (const link of message.links ?? []) shape = this.setLink(link) || shape;
    for (const [a, b] of message.links_removed ?? []) {
      shape = this.links.delete(linkKey(a, b)) || shape;
    }
    if (shape) this.shape += 1;
  }

  /** Tells whether the link is new. */
  private setLink([a, b, rtt_ms, path, band, own]: LinkTuple): boolean {
    const key = linkKey(a, b);
    const known = this.links.has(key);
    this.links.set(key, { a, b, rtt_ms, path, band, own });
    return !known;
  }

  /** How many peers are in each state. */
  counts(): Record<PeerState, number> {
    const counts = { connected: 0, routed: 0, down: 0 };
    for (const peer of this.peers.values()) counts[peer.state] += 1;
    return counts;
  }
}
