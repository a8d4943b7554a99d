import { memo, type ComponentProps, type ReactNode } from "react";
import ReactMarkdown from "react-markdown";
import remarkGfm from "remark-gfm";
import { CopyButton } from "./copy-button";

/**
 * Markdown of a model, which is not to be trusted: react-markdown shows HTML as text and drops `javascript:` links. Images
 * are links, because loading one tells its server what the model chose to put into the address.
 */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return (
    <div className="prose">
      <ReactMarkdown remarkPlugins={[remarkGfm]} components={components}>
        {text}
      </ReactMarkdown>
    </div>
  );
});

const components = {
  a: ({ href, children }: ComponentProps<"a">) => <Link href={href}>{children}</Link>,
  img: ({ src, alt }: ComponentProps<"img">) => <Link href={String(src ?? "")}>{alt || "Image"}</Link>,
  pre: CodeBlock,
  table: ({ children }: ComponentProps<"table">) => (
    <div className="table-scroll" tabIndex={0} role="group" aria-label="Table">
      <table>{children}</table>
    </div>
  ),
  // The page has its own h1.
  h1: ({ children }: ComponentProps<"h1">) => <h2>{children}</h2>,
  h2: ({ children }: ComponentProps<"h2">) => <h3>{children}</h3>,
  h3: ({ children }: ComponentProps<"h3">) => <h4>{children}</h4>
};

/** An address that was dropped leaves just the text. */
function Link({ href, children }: { href: string | undefined; children: ReactNode }) {
  if (!href) return children;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}

function CodeBlock({ children }: ComponentProps<"pre">) {
  const code = (children as { props?: { className?: string; children?: unknown } } | undefined)?.props;
  const language = /language-([\w+#-]+)/.exec(code?.className ?? "")?.[1];
  return (
    <div className="code-block">
      <div className="code-bar">
        <span>{language ?? "text"}</span>
        <CopyButton text={String(code?.children ?? "").replace(/\n$/, "")} label="Copy code" />
      </div>
      <pre tabIndex={0}>{children}</pre>
    </div>
  );
}
