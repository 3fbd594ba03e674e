/** What a message carries, by its type. */

import { useState } from "preact/hooks";
import type { Content } from "../../api/types";
import { Icon } from "../../components/Icon";
import { bytes, words } from "../../lib/format";

const LONG = 1500; // characters that are shown of a long text at first

function LongText({ text }: { text: string }) {
  const [whole, setWhole] = useState(text.length <= LONG * 1.2);
  if (whole) return <p class="text">{text}</p>;
  return (
    <>
      <p class="text">{text.slice(0, LONG)}…</p>
      <button type="button" class="quiet small" onClick={() => setWhole(true)}>
        Read all
      </button>
    </>
  );
}

function Picture({ url, caption, sticker }: { url: string; caption: string; sticker?: boolean }) {
  const [failed, setFailed] = useState(false);
  if (failed) return <p class="muted">The picture cannot be fetched now: the account must be connected.</p>;
  return (
    <a href={url} target="_blank" rel="noreferrer">
      <img
        class={sticker ? "sticker" : "picture"}
        src={url}
        alt={caption || (sticker ? "Sticker" : "Picture without a caption")}
        loading="lazy"
        onError={() => setFailed(true)}
      />
    </a>
  );
}

function MapLink({ latitude, longitude, name }: { latitude: number; longitude: number; name: string }) {
  return (
    <a href={`geo:${latitude},${longitude}`}>
      {name || "Place"} ({latitude.toFixed(5)}, {longitude.toFixed(5)})
    </a>
  );
}

const nameOfCard = (card: string): string => /^FN[^:]*:(.*)$/m.exec(card)?.[1] ?? "Contact";

export function Contents({ id, content }: { id: number; content: Content }) {
  const url = `/api/messages/${id}/media`;
  switch (content.type) {
    case "text":
      return <LongText text={content.body} />;
    case "image":
      return (
        <>
          <Picture url={url} caption={content.caption ?? ""} />
          {content.caption && <LongText text={content.caption} />}
        </>
      );
    case "sticker":
      return <Picture url={url} caption="" sticker />;
    case "video":
      return (
        <>
          {/* eslint-disable-next-line jsx-a11y/media-has-caption -- people's films come without subtitles */}
          <video controls preload="none" src={url} aria-label="Video" />
          {content.caption && <LongText text={content.caption} />}
        </>
      );
    case "audio":
    case "voice":
      // eslint-disable-next-line jsx-a11y/media-has-caption -- as above
      return <audio controls preload="none" src={url} aria-label={content.type === "voice" ? "Voice message" : "Audio"} />;
    case "document":
      return (
        <>
          <a class="document" href={url} download={content.media.filename ?? "document"}>
            <Icon name="file" />
            <span>
              {content.media.filename ?? "Document"}{" "}
              <small>{content.media.size ? bytes(content.media.size) : content.media.mime}</small>
            </span>
          </a>
          {content.caption && <LongText text={content.caption} />}
        </>
      );
    case "location":
      return <MapLink latitude={content.latitude} longitude={content.longitude} name={content.name ?? ""} />;
    case "contacts":
      return <p>Contact: {content.vcards.map(nameOfCard).join(", ")}</p>;
    case "reaction":
      return <p>{content.emoji ? `Reacted ${content.emoji}` : "Took a reaction back"}</p>;
    case "edit":
      return <LongText text={content.body} />;
    case "revoke":
      return <p class="muted">Deleted a message</p>;
    default:
      return <p class="muted">A message of a type that is not shown here: {words(content.name)}</p>;
  }
}
