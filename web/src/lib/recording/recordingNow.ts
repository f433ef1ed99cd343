import { Store } from "@/lib/store";

/** Whether this page records a conversation. The screen that records then stays, also where the login has ended. */
export const recordingNow = new Store(false);
