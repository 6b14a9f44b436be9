import type { JsonObject } from '../domain/json.ts';

/** What was asked and answered, of one request: kept only where key, model or configuration ask for it. */
export interface RequestContent {
  /** The id of the completion. */
  readonly id: string;
  readonly createdAtMs: number;
  readonly body: ContentBody;
}

/** As the administration shows it, and as it is stored. Long texts are shortened, each with a mark of its length. */
export interface ContentBody {
  /** The newest messages of the request. */
  readonly messages: readonly JsonObject[];
  /** How many older ones were too much to keep. */
  readonly messages_left_out: number;
  /** What has been delivered of each choice; empty where there was no output. */
  readonly choices: readonly JsonObject[];
}
