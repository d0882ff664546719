/** The list of peers: everything the picture shows, in words. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import type { MeshStore, PeerInfo } from "./feed.ts";
import { COLUMNS, filterPeers, PAGE_SIZE, pageOf, sortPeers, type Column, type Order } from "./order.ts";
import { rtt } from "./painter.ts";
import { BAND_COLOURS } from "./picture.ts";
import { countReports, isProven, proofOf, reportsOf, type Reports } from "./proof.ts";
import { buttons, hidden } from "./styles.ts";
import { fill, textsOf, type Key, type Texts } from "./texts.ts";
import { ago } from "./time.ts";

export class PeerList extends LitElement {
  static override properties = {
    store: { attribute: false },
    version: { attribute: false },
    tick: { attribute: false },
    language: {},
    chosen: { attribute: false },
    order: { state: true },
    page: { state: true },
    text: { state: true },
  };
  declare store: MeshStore;
  declare version: number;
  /** Another one means that time has passed. */
  declare tick: number;
  declare language: string;
  declare chosen: number | null;
  declare order: Order;
  declare page: number;
  declare text: string;

  constructor() {
    super();
    this.version = 0;
    this.language = "en";
    this.chosen = null;
    this.order = { column: "name", descending: false };
    this.page = 0;
    this.text = "";
  }

  private get texts(): Texts {
    return textsOf(this.language);
  }

  /** Turns to the page that has the peer. */
  show(n: number): void {
    this.text = "";
    const index = sortPeers(this.store.peers.values(), this.order).findIndex((peer) => peer.n === n);
    if (index >= 0) this.page = Math.floor(index / PAGE_SIZE);
  }

  private sort(column: Column): void {
    const descending = this.order.column === column && !this.order.descending;
    this.order = { column, descending };
    this.page = 0;
  }

  private find(event: Event): void {
    this.text = (event.target as HTMLInputElement).value;
    this.page = 0;
  }

  private open(peer: PeerInfo): void {
    history.pushState(null, "", `/config/devices/device/${peer.device_id}`);
    window.dispatchEvent(new CustomEvent("location-changed", { detail: { replace: false } }));
  }

  private when(peer: PeerInfo): string {
    if (peer.state === "connected") return this.texts.now;
    if (!peer.last_seen) return this.texts.never;
    return ago(new Date(peer.last_seen), this.language);
  }

  protected override render(): TemplateResult {
    const { texts, store } = this;
    if (store.peers.size === 0) return html`<p class="empty">${texts.no_peers}</p>`;
    const found = filterPeers(store.peers.values(), this.text);
    const reports = countReports(store);
    const { items, page, pages } = pageOf(sortPeers(found, this.order), this.page);
    return html`
      ${store.peers.size > PAGE_SIZE
        ? html`<label class="find">
            <span>${texts.filter}</span>
            <input type="search" .value=${this.text} @input=${this.find} maxlength="64" />
          </label>`
        : nothing}
      <div class="scroll" tabindex="0" role="group" aria-label=${texts.peers}>
        <table>
          <caption class="hidden">
            ${fill(texts.peers_caption, { mesh: store.node?.mesh ?? "" })}
          </caption>
          <thead>
            <tr>
              ${COLUMNS.map((column) => this.renderHead(column))}
            </tr>
          </thead>
          <tbody>
            ${items.map((peer) => this.renderPeer(peer, reports.get(peer.n)))}
          </tbody>
        </table>
      </div>
      ${found.length === 0 ? html`<p class="empty">${texts.no_match}</p>` : nothing}
      ${pages > 1
        ? html`<div class="pages">
            <button
              class="plain"
              ?disabled=${page === 0}
              aria-label=${texts.previous}
              @click=${() => (this.page = page - 1)}
            >
              ‹
            </button>
            <span role="status">${fill(texts.page, { page: page + 1, pages })}</span>
            <button
              class="plain"
              ?disabled=${page === pages - 1}
              aria-label=${texts.next}
              @click=${() => (this.page = page + 1)}
            >
              ›
            </button>
          </div>`
        : nothing}
    `;
  }

  private renderHead(column: Column): TemplateResult {
    const sorted = this.order.column === column;
    const direction = this.order.descending ? "descending" : "ascending";
    return html`<th scope="col" class=${column} aria-sort=${sorted ? direction : "none"}>
      <button @click=${() => this.sort(column)}>
        ${this.texts[column]}<span aria-hidden="true"
          >${sorted ? (this.order.descending ? " ▾" : " ▴") : ""}</span
        >
      </button>
    </th>`;
  }

  private renderPeer(peer: PeerInfo, reports: Reports | undefined): TemplateResult {
    const { texts } = this;
    const down = peer.state === "down";
    const link = peer.state === "connected" ? this.store.ownLink(peer.n) : undefined;
    const others = down ? "" : reportsOf(reports, texts);
    const [variable, otherwise] = BAND_COLOURS[peer.band];
    return html`<tr
      class="${down ? "down" : ""} ${peer.n === this.chosen ? "chosen" : ""}"
      data-peer=${peer.id}
    >
      <th scope="row" class="name">
        ${peer.device_id
          ? html`<a
              href="/config/devices/device/${peer.device_id}"
              aria-label=${fill(texts.open_device, { name: peer.name })}
              @click=${(event: MouseEvent) => {
                if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
                event.preventDefault();
                this.open(peer);
              }}
              >${peer.name}</a
            >`
          : peer.name}
      </th>
      <td class="state">
        <span class="mark" aria-hidden="true">${down ? "✕" : "●"}</span>
        ${texts[`state_${peer.state}`]}
        ${link
          ? html`<small class="more proof"
              >${isProven(link) ? html`<span aria-hidden="true">✓ </span>` : nothing}${proofOf(
                link,
                texts,
                this.language,
              )}</small
            >`
          : nothing}
      </td>
      <td class="band">
        <span class="dot" style="background: var(${variable}, ${otherwise})" aria-hidden="true"></span>
        ${texts[`band_${peer.band}`]}
        ${peer.loss_percent
          ? html`<small>${fill(texts.loss, { value: peer.loss_percent })}</small>`
          : nothing}
      </td>
      <td class="rtt_ms">
        ${peer.rtt_ms === null ? "–" : fill(texts.ms, { value: rtt(peer.rtt_ms) })}
      </td>
      <td class="path">
        ${texts[`path_${peer.path}` as Key] ?? peer.path}
        ${others ? html`<small class="more">${others}</small>` : nothing}
      </td>
      <td class="last_seen">${this.when(peer)}</td>
    </tr>`;
  }

  static override styles = [
    buttons,
    hidden,
    css`
      :host {
        display: block;
      }
      .scroll {
        overflow-x: auto;
      }
      table {
        width: 100%;
        border-collapse: collapse;
        font-size: 14px;
      }
      th,
      td {
        padding: 6px 8px;
        text-align: start;
        border-bottom: 1px solid var(--divider-color);
        white-space: nowrap;
        font-weight: normal;
      }
      .rtt_ms {
        text-align: end;
      }
      thead th {
        padding: 0;
      }
      thead button {
        all: unset;
        box-sizing: border-box;
        width: 100%;
        min-height: 36px;
        padding: 8px;
        cursor: pointer;
        color: var(--secondary-text-color);
        font-weight: 500;
      }
      thead button:focus-visible,
      a:focus-visible,
      .scroll:focus-visible {
        outline: 2px solid var(--primary-color);
        outline-offset: -2px;
        border-radius: 4px;
      }
      .name {
        max-width: 16em;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      a {
        color: var(--primary-text-color);
      }
      .down .state {
        font-weight: 500;
      }
      .mark {
        color: var(--success-color, #43a047);
      }
      .down .mark {
        color: var(--error-color, #db4437);
      }
      .chosen {
        background: var(--secondary-background-color);
      }
      .dot {
        display: inline-block;
        width: 10px;
        height: 10px;
        border-radius: 50%;
      }
      small {
        color: var(--secondary-text-color);
      }
      .more {
        display: block;
        max-width: 20em;
        white-space: normal;
      }
      .find {
        display: flex;
        align-items: center;
        gap: 8px;
        padding-bottom: 8px;
      }
      input {
        flex: 1;
        min-width: 0;
        padding: 8px;
        font: inherit;
        color: var(--primary-text-color);
        background: var(--secondary-background-color);
        border: 1px solid var(--divider-color);
        border-radius: 8px;
      }
      .pages {
        display: flex;
        justify-content: center;
        align-items: center;
        gap: 8px;
        padding-top: 8px;
      }
      .empty {
        color: var(--secondary-text-color);
      }
      @container infrafabric (max-width: 520px) {
        .path,
        .last_seen {
          display: none;
        }
      }
    `,
  ];
}
