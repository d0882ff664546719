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

/** Who says that there is a link: this node, whose own it is; or both of its ends, or only one. */
export type Says = "own" | "both" | "first" | "second";

/** Two peers' numbers, round trip in ms, path, band, who says so, and the proof (see `LinkInfo`). */
export type LinkTuple = [number, number, number | null, Path, Band, Says, number | null];

export interface LinkInfo {
  a: number;
  b: number;
  rtt_ms: number | null;
  path: Path;
  band: Band;
  own: boolean;
  says: Says;
  /** When a message last demonstrably got through: Unix seconds, up to a minute late. */
  proven: number | null;
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

/** Milliseconds after which it is tried again: Home Assistant starts, or somebody adds a mesh. */
export const RETRY = 5000;

/**
 * Follows one mesh, the running one if none is named, until the result is called.
 *
 * Home Assistant's own resubscribing gives up when the integration is not there yet, as it is while
 * Home Assistant starts; this one goes on trying.
 *
 * @param failed Told what Home Assistant says each time there is nothing to follow.
 */
export function followMesh(
  hass: Hass,
  entryId: string | undefined,
  heard: (message: FeedMessage) => void,
  failed: (error: unknown) => void,
): () => void {
  const { connection } = hass;
  let attempt = 0;
  let end: (() => Promise<void>) | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const leave = (): void => {
    attempt += 1;
    clearTimeout(timer);
    // The connection may be gone by now; then there is nothing to end.
    end?.().catch(() => undefined);
    end = null;
  };
  const begin = (): void => {
    leave();
    const own = attempt;
    connection
      .subscribeMessage<FeedMessage>(
        (message) => {
          if (own === attempt) heard(message);
        },
        { type: "infrafabric/mesh/subscribe", ...(entryId ? { entry_id: entryId } : {}) },
        { resubscribe: false },
      )
      .then(
        (stop) => {
          if (own === attempt) end = stop;
          else stop().catch(() => undefined);
        },
        (error: unknown) => {
          if (own !== attempt) return;
          failed(error);
          timer = setTimeout(begin, RETRY);
        },
      );
  };
  const lose = (): void => {
    // What was subscribed to went with the connection.
    end = null;
    leave();
    heard({ type: "unavailable" });
  };
  connection.addEventListener("ready", begin);
  connection.addEventListener("disconnected", lose);
  begin();
  return () => {
    connection.removeEventListener("ready", begin);
    connection.removeEventListener("disconnected", lose);
    leave();
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
  private setLink([a, b, rtt_ms, path, band, says, proven]: LinkTuple): boolean {
    const key = linkKey(a, b);
    const known = this.links.has(key);
    this.links.set(key, { a, b, rtt_ms, path, band, own: says === "own", says, proven });
    return !known;
  }

  /** The link of this node to a peer. */
  ownLink(n: number): LinkInfo | undefined {
    return this.node ? this.links.get(linkKey(this.node.n, n)) : undefined;
  }

  /** How many peers are in each state. */
  counts(): Record<PeerState, number> {
    const counts = { connected: 0, routed: 0, down: 0 };
    for (const peer of this.peers.values()) counts[peer.state] += 1;
    return counts;
  }
}
