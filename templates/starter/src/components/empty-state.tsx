import { Icon, type IconName } from "./icons";

const suggestions: { icon: IconName; prompt: string; about: string }[] = [
  { icon: "cloud", prompt: "What is the weather in Tokyo?", about: "A tool that runs on the server" },
  { icon: "clock", prompt: "What timezone am I in?", about: "A tool that runs in your browser" },
  { icon: "sum", prompt: "What is 5000 times 3?", about: "A tool that asks for approval" },
  { icon: "bell", prompt: "Remind me in 10 seconds to stretch", about: "A tool that works later, come what may" }
];

export function EmptyState({ demo, onPick }: { demo: boolean; onPick: (prompt: string) => void }) {
  return (
    <section className="empty" aria-labelledby="empty-title">
      <h2 id="empty-title">What would you like to know?</h2>
      <p>
        Everything here is saved: reload the page or open it in a second tab, and the conversation is the same.
        {demo && " A demo model answers by fixed rules until you connect a real one."}
      </p>
      <ul className="suggestions" aria-label="Suggestions">
        {suggestions.map(({ icon, prompt, about }) => (
          <li key={prompt}>
            <button
              type="button"
              className="suggestion"
              aria-describedby={`suggestion-${icon}`}
              onClick={() => onPick(prompt)}
            >
              <Icon name={icon} />
              <span className="suggestion-prompt">{prompt}</span>
              {/* Described by it, not named after it: a screen reader says the prompt first. */}
              <span className="suggestion-about" id={`suggestion-${icon}`} aria-hidden="true">
                {about}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
