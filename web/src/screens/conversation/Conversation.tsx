import { lazy, Suspense, useEffect, useState } from "react";
import { useNavigate, useParams, useSearchParams } from "react-router";

import { ApiError } from "@/api/client";
import { type ConversationHead, useConversation } from "@/api/conversations";
import { recordingUrl } from "@/api/recording";
import type { Segment } from "@/api/segments";
import { useSummary } from "@/api/summaries";
import { NotFound } from "@/app/Failure";
import { Empty } from "@/components/Empty";
import { Icon } from "@/components/Icon";
import { Loading } from "@/components/Loading";
import { toastError } from "@/components/toast";
import { useCommonText } from "@/i18n/common";

import { type Session, SessionContext } from "./context";
import { DoubtBar } from "./doubt/DoubtBar";
import { Doubts } from "./doubt/Doubts";
import { Editor } from "./editing/Editor";
import { Opened } from "./editing/Opened";
import { Found } from "./find/Found";
import { FindBar } from "./find/FindBar";
import { Header } from "./header/Header";
import { GoToTime } from "./player/GoToTime";
import { Player } from "./player/Player";
import { PlayerBar } from "./player/PlayerBar";
import { usePlayerKeys } from "./player/usePlayerKeys";
import { SegmentStore } from "./segments";
import { timelineHeight } from "./timeline/size";
import { Scroller } from "./transcript/Scroller";
import { Spoken } from "./transcript/Spoken";
import { Transcript } from "./transcript/Transcript";
import { Working } from "./Working";

// Loaded after the text, which readers come for.
const Timeline = lazy(async () => ({ default: (await import("./timeline/Timeline")).Timeline }));
const SideColumn = lazy(async () => ({ default: (await import("./side/SideColumn")).SideColumn }));
const Actions = lazy(async () => ({ default: (await import("./header/Actions")).Actions }));

/** `/c/7`: a conversation to see and hear; `?t=93` begins at a time. */
export function Conversation() {
  const { id } = useParams();
  const number = Number(id);
  if (!Number.isSafeInteger(number) || number < 1) return <NotFound />;
  return <Loaded key={number} id={number} />;
}

function Loaded({ id }: { id: number }) {
  const text = useCommonText();
  const { data: head, error, dataUpdatedAt } = useConversation(id);
  const { isPending } = useSummary(id); // The timeline is higher where there are chapters.
  // What is shown and heard stays where it only could not be read again.
  const isGone = error instanceof ApiError && (error.status === 403 || error.status === 404);
  if (error && (!head || isGone)) return <Empty title={text.failed}>{error.message}</Empty>;
  if (!head || isPending) return <Loading />;
  return head.status === "completed" ? (
    <Ready key={`${head.duration ?? 0}`} head={head} readAt={dataUpdatedAt} />
  ) : (
    <div className="mx-auto grid w-full max-w-[1180px] gap-6 px-4 py-5 sm:px-10 sm:py-7">
      <Header head={head} />
      <Working head={head} />
    </div>
  );
}

function Ready({ head, readAt }: { head: ConversationHead; readAt: number }) {
  const session = useNewSession(head);
  const { segments } = session;
  const [shownAt] = useState(readAt);
  useEffect(() => {
    // The conversation was read again, since it or a speaker changed.
    if (readAt !== shownAt) void segments.refresh().catch(toastError);
  }, [segments, readAt, shownAt]);
  return (
    <SessionContext value={session}>
      <Screen head={head} />
    </SessionContext>
  );
}

function Screen({ head }: { head: ConversationHead }) {
  usePlayerKeys();
  const hasChapters = Boolean(useSummary(head.id).data?.chapters.length);
  return (
    <div className="flex min-h-full flex-col">
      <div className="mx-auto w-full max-w-[1180px] grow px-4 py-5 sm:px-10 sm:py-7">
        <Header
          head={head}
          actions={
            <Suspense fallback={<div className="h-9 w-56" />}>
              <Actions head={head} />
            </Suspense>
          }
        />
        {head.error && (
          <p className="mt-5 flex gap-2 text-warning">
            <Icon name="warning" size={18} />
            {head.error}
          </p>
        )}
        <div className="my-6" style={{ minHeight: timelineHeight(head.num_speakers, hasChapters) }}>
          <Suspense>
            <Timeline head={head} />
          </Suspense>
        </div>
        <div className="mt-8 grid gap-x-11 gap-y-8 lg:grid-cols-[minmax(0,1fr)_300px]">
          <Transcript notes={head.notes} />
          <Suspense>
            <SideColumn head={head} />
          </Suspense>
        </div>
      </div>
      <Opened />
      <DoubtBar />
      <FindBar />
      <GoToTime />
      <PlayerBar />
    </div>
  );
}

/** The player and the segments of a conversation, for as long as it is shown. */
function useNewSession({ id, duration }: ConversationHead): Session {
  const navigate = useNavigate();
  const [session] = useState<Session>(() => {
    const segments = new SegmentStore(id);
    const player = new Player(duration ?? 0);
    const scroller = new Scroller();
    const goTo = ({ start_offset }: Segment) => void navigate(`/c/${id}?t=${Math.floor(start_offset)}`);
    const editor = new Editor(id, segments, scroller.show, goTo);
    return {
      id,
      segments,
      player,
      spoken: new Spoken(segments, player),
      found: new Found(),
      scroller,
      editor,
      doubts: new Doubts(segments, player, scroller),
    };
  });
  const start = useSearchParams()[0].get("t");
  useEffect(() => {
    const close = session.player.open(recordingUrl(session.id));
    const end = session.spoken.follow();
    void session.segments.load();
    session.editor.setShown(true);
    return () => {
      session.editor.setShown(false);
      end();
      close();
      session.segments.stop();
    };
  }, [session]);
  useEffect(() => {
    if (start !== null && Number.isFinite(Number(start))) session.player.seek(Number(start));
  }, [session, start]);
  return session;
}
