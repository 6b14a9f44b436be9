import type { DocPage } from '../reading/doc-page.ts';

/** Everything that a layout shows around a page. */
export interface Site {
  readonly groups: readonly SiteGroup[];
  /** All pages in the order of the navigation. */
  readonly pages: readonly DocPage[];
  readonly assets: SiteAssets;
}

export interface SiteGroup {
  readonly group: string;
  readonly folded: boolean;
  readonly pages: readonly DocPage[];
}

/** Addresses of the files that each page loads. */
export interface SiteAssets {
  readonly styles: string;
  /** Sets the colour scheme before anything is drawn. */
  readonly theme: string;
  readonly script: string;
  readonly icon: string;
  /** The passages that a search reads. */
  readonly passages: string;
}
