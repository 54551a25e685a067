package org.berth.command;

import org.berth.gather.Listener;
import org.berth.resolve.PullEvents;
import org.berth.terminal.Messages;
import org.berth.terminal.Prompt;
import org.berth.terminal.ShownEvents;

/** Who gathers is heard on the terminal. */
record TerminalListener(Messages messages) implements Listener {
    @Override
    public void info(String text) {
        messages.info(text);
    }

    @Override
    public void warning(String text) {
        messages.warning(text);
    }

    @Override
    public void verbose(String text) {
        messages.verbose(text);
    }

    @Override
    public PullEvents events() {
        return new ShownEvents(messages);
    }

    @Override
    public String ask(String question, boolean hidden) {
        return Prompt.ask(question, hidden ? Prompt.Echo.HIDDEN : Prompt.Echo.SHOWN);
    }

    @Override
    public boolean confirms(String question) {
        return Prompt.confirms(question);
    }
}
