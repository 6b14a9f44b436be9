import '../styles/docs.css';
import { serveCopyButtons } from './copy-buttons.ts';
import { fillExamples } from './fill-examples.ts';
import { followHeadings } from './follow-headings.ts';
import { serveSchemeButton } from './scheme.ts';
import { serveSearch } from './search-box.ts';
import { showCurrent } from './show-current.ts';
import { joinTabs } from './tabs.ts';

/* What a page does beyond what it shows: every part of it can be missing, and the page still says what it says. */

const scheme = document.querySelector<HTMLButtonElement>('#scheme');
if (scheme !== null) serveSchemeButton(scheme);
showCurrent();
serveCopyButtons();
joinTabs();
followHeadings();
const field = document.querySelector<HTMLInputElement>('#ask');
if (field !== null) {
  // What was asked stays there, to be asked better.
  field.value ||= new URLSearchParams(location.search).get('ask') ?? '';
  serveSearch(field);
}
void fillExamples();
