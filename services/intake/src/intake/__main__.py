"""`python -m intake`: wire the service and serve."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import timedelta

from fastapi import APIRouter

from intake.api.customers import Customers
from intake.api.deliveries import Deliveries
from intake.api.files import TicketFiles
from intake.api.persons import Persons
from intake.api.tickets import Api
from intake.api.webhooks import WebhookRoutes
from intake.application.acknowledgements import Acknowledgements
from intake.application.agent_actions import AgentActions
from intake.application.channel_publisher import ChannelPublisher
from intake.application.delivery_ledger import DeliveryLedger
from intake.application.desk_scope import check_role
from intake.application.drafts import Drafts
from intake.application.file_retention import FileRetention
from intake.application.file_store import FileStore
from intake.application.filed_mails import FiledMails
from intake.application.maintenance import Announcements
from intake.application.original_message import OriginalMessages
from intake.application.person_data import PersonData
from intake.application.queue_reader import QueueReader
from intake.application.search_fill import SearchFill
from intake.application.submissions import Submissions
from intake.application.ticket_commands import TicketCommands
from intake.application.ticket_relations import TicketRelations
from intake.application.ticket_search import TicketSearch
from intake.application.virus_scan import Clamd, VirusScan
from intake.application.webhook_desk import WebhookDesk
from intake.application.webhook_feed import WebhookFeed
from intake.application.webhook_secrets import webhook_secrets
from intake.application.webhook_sender import WebhookSender, retry_policy
from intake.consumer import IntakeHandler
from intake.desk_file.load import load_desks
from intake.domain.desk import Desks
from intake.domain.file_links import FileLinks
from intake.domain.reply_address import ReplyAddresses
from intake.domain.requester_links import RequesterLinks
from intake.domain.webhooks import WebhookSecrets
from intake.gateways.attachments import Attachments
from intake.gateways.chat import ChatWidget
from intake.gateways.email import EmailGateway
from intake.gateways.forms import FormGateway
from intake.gateways.hooks.keys import hook_keys
from intake.gateways.hooks.routes import HookGateway
from intake.gateways.mail_readers import MailReaders
from intake.gateways.smtp_server import SmtpServer
from intake.metrics import IntakeMetrics
from intake.pages.live_queue import LiveQueue
from intake.pages.meetings import MeetingPages
from intake.pages.messages import MessagePages
from intake.pages.queue import QueuePages
from intake.pages.tickets import Pages
from intake.portal.access import PortalAccess
from intake.portal.decisions import Decisions
from intake.portal.errors import PortalProblems
from intake.portal.files import PortalFiles
from intake.portal.maintenance import MaintenancePages
from intake.portal.new_request import NewRequests
from intake.portal.pages import Portal
from intake.portal.sign_in import LINKS_PER_MINUTE, SignIns
from intake.portal.signed_pages import SignedPages
from intake.portal.tokens import PortalKeys
from intake.settings import IntakeSettings
from intake.storage.blobs import open_blobs
from intake.topics import topics_for
from pledge.events import keep_instants_within
from pledge.runtime.auth.link_signer import LinkSigner
from pledge.runtime.clock import Clock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.http.rate_limit import RateLimit
from pledge.runtime.ids import Ids
from pledge.runtime.service.chassis import Chassis, open_chassis
from pledge.runtime.service.main import run_main

SERVICE = "intake"
# Where forms with files go.
UPLOAD_PATHS = ("/uploads/", "/my/", "/ticket/")


async def serve(
    settings: IntakeSettings, kafka: KafkaSettings, clock: Clock, ids: Ids, stop: asyncio.Event
) -> None:
    """Take requests in until `stop`.

    Raises DeskFileError for desks that can't be used, SchemaMismatch for another database,
    CannotListen for a port that is taken.
    """
    keep_instants_within(settings.earliest_instant, settings.latest_instant)
    desks = load_desks(settings.desks)
    topics = topics_for(has_webhooks=any(each.webhooks for each in desks.by_id.values()))
    async with open_chassis(SERVICE, topics, settings, kafka, clock, ids, stop) as chassis:
        await check_role(chassis.pool)
        await Service(settings, desks, chassis).run(stop)


class Service:
    """The workers of one running service, wired to each other."""

    def __init__(self, settings: IntakeSettings, desks: Desks, chassis: Chassis) -> None:
        self._settings, self._desks, self._chassis = settings, desks, chassis
        self._metrics = IntakeMetrics(chassis.registry)
        self._hook_keys = hook_keys(desks.by_id, settings.hook_secrets)
        self._blobs = open_blobs(settings.blobs)
        self._scan = self._virus_scan()
        self._files = FileStore(
            self._blobs,
            chassis.pool,
            chassis.clock,
            chassis.ids,
            settings.upload_max_files,
            self._scan,
        )
        self._publisher = ChannelPublisher(chassis.kafka, timeout=settings.publish_timeout)
        signer = LinkSigner(settings.reply_keys())
        addresses = self._addresses = ReplyAddresses(signer)
        url = settings.intake_public_url
        self._links = RequesterLinks(signer, url) if url else None
        self._file_links = FileLinks(signer, url, settings.file_links_last) if url else None
        clock, ids = chassis.clock, chassis.ids
        self._webhooks = self._webhook_sender()
        handler = self._handler = IntakeHandler(
            desks.by_id,
            addresses,
            clock=clock,
            ids=ids,
            metrics=self._metrics,
            links=self._links,
            same_words_for=settings.same_words_for,
            webhooks=WebhookFeed(desks.by_id, self._webhooks.wake),
            on_window=lambda: self._announcements.reload(),
            on_acknowledgement=lambda: self._acknowledgements.reload(),
        )
        commands = self._commands = TicketCommands(
            chassis.outbox, desks.by_id, clock, ids, self._metrics, self._links, self._file_links
        )
        self._acknowledgements = Acknowledgements(
            chassis.pool, chassis.outbox, desks.by_id, clock, ids, self._metrics.answer_held
        ).loop()
        self._announcements = Announcements(chassis.pool, desks.by_id, commands, clock).loop()
        self._consumer = chassis.consumer(handler)
        self._live = LiveQueue(chassis.pool, clock, most=settings.live_pages)
        self._readers = MailReaders(
            settings.mail_readers,
            limit=settings.mail_read_timeout.total_seconds(),
            patience=settings.mail_wait_timeout.total_seconds(),
        )
        kept_for = timedelta(days=settings.delivery_ledger_days)
        self._ledger = DeliveryLedger(chassis.pool, clock, kept_for)
        gateway = EmailGateway(
            settings,
            desks,
            addresses,
            self._publisher,
            Attachments(self._blobs),
            self._readers,
            clock=clock,
            ids=ids,
            metrics=self._metrics,
        )
        self.smtp = SmtpServer(gateway, settings)
        self._sign_ins = SignIns(
            chassis.outbox,
            chassis.pool,
            desks.by_id,
            PortalKeys(settings.reply_keys()),
            settings.public_url(SERVICE),
            clock,
            ids,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Run all workers until `stop`; one that fails takes the others down."""
        chassis = self._chassis
        await self._webhooks.register()
        await self.smtp.listen()
        chassis.require_bus_and_database(self._consumer)
        chassis.health.require(
            "gateway", lambda: None if self._publisher.is_ready else "Kafka is not connected"
        )
        await chassis.run(
            self._routers(),
            {
                # In the order of stopping: first nothing new comes in, then the rest is finished.
                "live_queue": lambda: self._live.run(stop),
                "smtp": self.smtp.run,
                "mail_readers": self._readers.run,
                "consumer": self._consumer.run,
                "sign_ins": self._sign_ins.run,
                "search_fill": SearchFill(chassis.pool, chassis.clock).run,
                "announcements": self._announcements.run,
                "acknowledgements": self._acknowledgements.run,
                "delivery_ledger": self._ledger.run,
                "publisher": self._publisher.run,
                "file_retention": FileRetention(
                    self._desks.by_id, self._blobs, chassis.pool, chassis.clock, self._metrics
                ).run,
                "webhooks": self._webhooks.run,
                **({"virus_scan": self._scan.run} if self._scan else {}),
            },
            stop,
            upload_limits=dict.fromkeys(UPLOAD_PATHS, self._settings.upload_max_bytes),
        )

    def _webhook_sender(self) -> WebhookSender:
        settings, chassis = self._settings, self._chassis
        path = settings.webhook_secrets
        return WebhookSender(
            chassis.pool,
            self._desks.by_id,
            webhook_secrets(path).value if path else WebhookSecrets,
            reachable=frozenset(each.lower() for each in settings.reachable_hosts),
            timeout=settings.webhook_timeout,
            retry=retry_policy(settings.webhook_give_up_after),
            keep_for=timedelta(days=settings.webhook_log_days),
            clock=chassis.clock,
            ids=chassis.ids,
            metrics=self._metrics,
        )

    def _virus_scan(self) -> VirusScan | None:
        address, chassis = self._settings.clamd, self._chassis
        if address is None:
            return None
        return VirusScan(Clamd(address), self._blobs, chassis.pool, chassis.clock, self._metrics)

    def _routers(self) -> Sequence[APIRouter]:
        """For agents, and those whose address is their permission."""
        chassis = self._chassis
        clock, ids = chassis.clock, chassis.ids
        tickets, queue = TicketSearch(chassis.pool), QueueReader(chassis.pool)
        desks, metrics = self._desks.by_id, self._metrics
        commands = self._commands
        relations = TicketRelations(chassis.outbox, desks, self._addresses, clock, ids, metrics)
        actions = AgentActions(tickets, commands, relations, self._files)
        originals = OriginalMessages(self._files, self._readers.read)
        submissions = Submissions(self._publisher, chassis.pool, clock, ids, metrics)
        filed = FiledMails(
            chassis.outbox, chassis.pool, desks, chassis.kafka, self._handler, clock, ids, metrics
        )
        return [
            *self._requesters_routers(submissions, commands),
            Api(tickets, actions, self._files).router,
            TicketFiles(tickets, self._files, originals, self._desks).router,
            Customers(chassis.pool, commands).router,
            Persons(PersonData(chassis.pool, self._files, clock), self._desks, ids).router,
            Deliveries(chassis.web, self._ledger, filed).router,
            WebhookRoutes(WebhookDesk(chassis.pool, clock, self._webhooks.wake)).router,
            QueuePages(
                chassis.web,
                queue,
                actions,
                self._desks,
                self._live,
                clock=clock,
                ids=ids,
            ).router,
            Pages(
                chassis.web,
                tickets,
                queue,
                actions,
                self._desks,
                self._files,
                Drafts(chassis.pool, clock),
                clock,
            ).router,
            MessagePages(chassis.web, tickets, originals).router,
            MeetingPages(chassis.web, chassis.pool, commands).router,
            SignedPages(chassis.web, chassis.pool, commands, submissions).router,
        ]

    def _requesters_routers(
        self, submissions: Submissions, commands: TicketCommands
    ) -> Sequence[APIRouter]:
        """For forms and gateways, and for requesters themselves."""
        chassis, desks = self._chassis, self._desks
        clock, ids = chassis.clock, chassis.ids
        limit = RateLimit(clock, self._settings.cases_per_minute)
        forms = FormGateway(desks, submissions, limit, clock=clock, ids=ids)
        chassis.web.problem_page = PortalProblems(desks.by_id)
        access = PortalAccess(chassis.web, chassis.pool, desks, self._sign_ins)
        portal = Portal(
            access,
            submissions,
            RateLimit(clock, LINKS_PER_MINUTE),
            self._files,
            clock=clock,
            ids=ids,
        )
        hooks = HookGateway(
            desks.by_id,
            self._hook_keys,
            submissions.take,
            public_url=self._settings.intake_public_url,
            max_bytes=self._settings.hook_max_bytes,
            clock=clock,
            metrics=self._metrics,
        )
        return [
            forms.router,
            hooks.router,
            ChatWidget(chassis.pool, desks, clock).router,
            Decisions(access, commands).router,
            MaintenancePages(access, submissions, clock, ids).router,
            NewRequests(access, submissions, self._files, clock, ids).router,
            PortalFiles(access, self._files, self._file_links, clock).router,
            portal.router,
        ]


if __name__ == "__main__":
    sys.exit(run_main(SERVICE, IntakeSettings, serve))
