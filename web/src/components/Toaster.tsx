import { Toast as Radix } from "radix-ui";

import { useCommonText } from "@/i18n/common";

import { Button, IconButton } from "./Button";
import { cx } from "./cx";
import { Icon } from "./Icon";
import { type Message, removeMessage } from "./toast";

const DURATION_MS = 8000;

export function Toaster({ messages }: { messages: readonly Message[] }) {
  const text = useCommonText();
  return (
    <Radix.Provider duration={DURATION_MS} label={text.notifications}>
      {messages.map((message) => (
        <ToastMessage key={message.id} message={message} />
      ))}
      <Radix.Viewport className="fixed bottom-24 left-1/2 z-50 grid w-110 max-w-[calc(100vw-24px)] -translate-x-1/2 gap-2 outline-none" />
    </Radix.Provider>
  );
}

function ToastMessage({ message }: { message: Message }) {
  const text = useCommonText();
  const { action } = message;
  return (
    <Radix.Root
      type={message.kind === "failed" ? "foreground" : "background"}
      onOpenChange={(open) => {
        if (open) return;
        removeMessage(message);
        message.onGone?.();
      }}
      className={cx(
        "flex items-center gap-2 rounded-button border bg-panel py-2 pr-2 pl-4 shadow-float",
        message.kind === "failed" ? "border-danger" : "border-line",
      )}
    >
      <Radix.Description className="grow">{message.text}</Radix.Description>
      {action && (
        <Button
          size="small"
          onClick={() => {
            removeMessage(message);
            action.run();
          }}
        >
          {action.label}
        </Button>
      )}
      <Radix.Close asChild>
        <IconButton label={text.close}>
          <Icon name="close" size={16} />
        </IconButton>
      </Radix.Close>
    </Radix.Root>
  );
}
