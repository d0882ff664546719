/** What several parts of the card look like. Only Home Assistant's variables: themes decide. */

import { css } from "lit";

export const hidden = css`
  .hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
`;

export const buttons = css`
  button.plain,
  button.main {
    min-height: 36px;
    min-width: 36px;
    padding: 6px 14px;
    font: inherit;
    font-size: 14px;
    cursor: pointer;
    border-radius: 18px;
    border: 1px solid var(--divider-color);
    color: var(--primary-text-color);
    background: var(--secondary-background-color);
  }
  button.main {
    border-color: var(--primary-color);
    font-weight: 500;
  }
  button:disabled {
    cursor: default;
    opacity: 0.5;
  }
  button.plain:focus-visible,
  button.main:focus-visible,
  input:focus-visible,
  select:focus-visible,
  textarea:focus-visible {
    outline: 2px solid var(--primary-color);
    outline-offset: 2px;
  }
`;
