/** The list of peers: which ones, in which order, and how many at once. */

import { BANDS, type PeerInfo, type PeerState } from "./feed.ts";

export type Column = "name" | "state" | "band" | "rtt_ms" | "path" | "last_seen";

export const COLUMNS: readonly Column[] = ["name", "state", "band", "rtt_ms", "path", "last_seen"];

export interface Order {
  column: Column;
  descending: boolean;
}

export const PAGE_SIZE = 20;

const STATES: readonly PeerState[] = ["down", "routed", "connected"];

/** A name to sort by: "Site 9" comes before "Site 10". */
function nameKey(peer: PeerInfo): string {
  return peer.name.toLocaleLowerCase().replace(/\d+/g, (digits) => digits.padStart(8, "0"));
}

function valueOf(peer: PeerInfo, column: Column): number | string | null {
  switch (column) {
    case "name":
      return nameKey(peer);
    case "state":
      return STATES.indexOf(peer.state);
    case "band":
      return peer.band === "unknown" ? null : (peer.score ?? 100 - 20 * BANDS.indexOf(peer.band));
    case "rtt_ms":
      return peer.rtt_ms;
    case "path":
      return peer.path === "down" ? null : peer.path;
    case "last_seen":
      // A connected peer is being heard right now.
      return peer.state === "connected" ? "9999" : peer.last_seen;
  }
}

/** Sorted peers; what is unknown comes last in both directions, equals by name and number. */
export function sortPeers(peers: Iterable<PeerInfo>, { column, descending }: Order): PeerInfo[] {
  const sign = descending ? -1 : 1;
  const keyed = [...peers].map((peer) => ({
    peer,
    value: valueOf(peer, column),
    name: nameKey(peer),
  }));
  keyed.sort((a, b) => {
    if (a.value !== b.value) {
      if (a.value === null) return 1;
      if (b.value === null) return -1;
      return a.value < b.value ? -sign : sign;
    }
    if (a.name !== b.name) return a.name < b.name ? -1 : 1;
    return a.peer.n - b.peer.n;
  });
  return keyed.map(({ peer }) => peer);
}

/** Peers whose name contains *text*, whatever the case. */
export function filterPeers(peers: Iterable<PeerInfo>, text: string): PeerInfo[] {
  const wanted = text.trim().toLocaleLowerCase();
  return [...peers].filter((peer) => peer.name.toLocaleLowerCase().includes(wanted));
}

/** The peers of one page, counted from 0; the page is moved into what there is. */
export function pageOf<T>(items: readonly T[], page: number): { items: T[]; page: number; pages: number } {
  const pages = Math.max(1, Math.ceil(items.length / PAGE_SIZE));
  const shown = Math.min(Math.max(0, page), pages - 1);
  return { items: items.slice(shown * PAGE_SIZE, (shown + 1) * PAGE_SIZE), page: shown, pages };
}
